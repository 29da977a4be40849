"""From the command line to a command, and from what went wrong to an exit status."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from bootstrap.benchmarking import benchmark
from bootstrap.commands import manage, start
from bootstrap.console import SetUpFailed, complain
from bootstrap.request import parse
from bootstrap.testing import test


def main(argv: Sequence[str]) -> int:
    """Do what the command line asks and return the exit status."""
    request = parse(argv)
    _let_signals_unwind()
    try:
        commands = {"start": start, "test": test, "manage": manage, "benchmark": benchmark}
        return commands[request.command](request)
    except SetUpFailed as failure:
        complain(f"\n{failure}")
        return failure.status
    except KeyboardInterrupt:
        complain("\nStopped.")
        return 128 + signal.SIGINT


def _let_signals_unwind() -> None:
    """Make SIGTERM and SIGHUP run the same clean-up as Ctrl-C, once."""

    def unwind(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, unwind)
