"""What the product imports is what requirements.txt brings, as a user has nothing else. And how tests are run."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from django.conf import settings
from packaging.requirements import Requirement

ROOT = Path(settings.BASE_DIR)
APPS = ("alignment", "scorecard", "sla", "handoff", "planning", "dashboard")


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def brought() -> set[str]:
    """Distributions that requirements.txt installs, with all that they need."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    todo = [(Requirement(line), "") for line in lines if line and not line.startswith("#")]
    # the test runner is named there but is no part of what runs
    todo = [(found, extra) for found, extra in todo if found.name != "pytest-django"]
    known: set[tuple[str, str]] = set()
    while todo:
        wanted, _ = todo.pop()
        for extra in ("", *wanted.extras):
            if (_name(wanted.name), extra) in known:
                continue
            known.add((_name(wanted.name), extra))
            try:
                needs = requires(wanted.name) or []
            except PackageNotFoundError:
                continue
            for line in needs:
                need = Requirement(line)
                if need.marker is None or need.marker.evaluate({"extra": extra}):
                    todo.append((need, extra))
    return {name for name, _ in known}


def imported() -> dict[str, str]:
    """Top-level modules that the product imports, each with a file that does."""
    found: dict[str, str] = {}
    files = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            for name in names:
                found.setdefault(name.partition(".")[0], str(path.relative_to(ROOT)))
    return found


def test_the_product_imports_nothing_that_only_its_tests_bring() -> None:
    of_module, known = packages_distributions(), brought()
    foreign = {
        module: path
        for module, path in imported().items()
        if module not in sys.stdlib_module_names
        and module not in APPS
        and not {_name(name) for name in of_module.get(module, [])} & known
    }
    assert foreign == {}
    assert {"django", "celery", "rest_framework", "typst"} <= imported().keys()


@pytest.mark.xdist_group("groups")
def test_tests_of_one_group_stay_in_one_process(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("the tests run in one process, or are not kept in groups")
    assert request.node.nodeid.endswith("@groups"), (
        "pytest and pytest-xdist disagree; see requirements-dev.txt"
    )
