"""Figures that tests measure are told at the end of the run, also when the tests pass."""

from __future__ import annotations

from typing import Any

MEASURED = "measured: "


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each `record_property(MEASURED + what, figure)` of a test; the run's report file has them too."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    told = {
        f"{name.removeprefix(MEASURED)}: {figure}  ({report.nodeid})"
        for report in reports
        for name, figure in report.user_properties
        if name.startswith(MEASURED)
    }
    if told:
        terminalreporter.section("measured")
        for line in sorted(told):
            terminalreporter.write_line(line)
