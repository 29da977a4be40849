"""Keep several programs running side by side until we are told to stop.

Each program gets a session of its own, so that Ctrl-C in the terminal reaches only us; we then ask each
parent to end, and only the parents: a Celery worker that loses its children first cannot finish its tasks.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bootstrap.console import GRACE_SECONDS, complain, say

POLL_SECONDS = 0.2
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0  # seconds of life after which earlier deaths are forgotten
TRIES_BEFORE_READY = 5
_SET_DEATH_SIGNAL = 1


@dataclass
class Program:
    """One program to keep running, and how it has fared."""

    name: str
    argv: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started_at: float = 0.0
    start_again_at: float = field(default=0.0)

    def pause(self) -> float:
        """Seconds before the next start: 1, 2, 4 and so on up to 30."""
        return min(LONGEST_PAUSE, 2.0 ** (self.deaths - 1))


class Supervisor:
    """Starts the programs in order, restarts what dies, stops everything at SIGINT, SIGTERM or SIGHUP."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        env: Mapping[str, str],
        cwd: Path,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.programs = list(programs)
        self.env = dict(env)
        self.cwd = cwd
        self.grace = grace
        self.signals = 0
        self.is_ready = False

    def run(self, *, ready: Callable[[], bool], on_ready: Callable[[], None]) -> int:
        """Run until a signal comes; ``on_ready`` is called once, when ``ready`` first holds.

        Returns 0 after a signal, 1 when a program kept dying before anything was ready.
        """
        with self._listening():
            try:
                while not self.signals:
                    if (lost := self._tend()) is not None:
                        complain(
                            f"{lost.name} ended {lost.deaths} times and never got going; the reason is above."
                        )
                        return 1
                    if not self.is_ready and ready() and not self.signals:
                        self.is_ready = True
                        on_ready()
                    time.sleep(POLL_SECONDS)
                return 0
            finally:
                self._stop_all()

    def _tend(self) -> Program | None:
        """Start what is due and notice what died; returns a program there is no hope for."""
        now = time.monotonic()
        for program in self.programs:
            if program.process is None:
                if now >= program.start_again_at:
                    self._start(program)
            elif (status := program.process.poll()) is not None:
                _kill_group(program.process.pid)  # its children would keep the port
                program.process = None
                program.deaths = 1 if now - program.started_at > STEADY_AFTER else program.deaths + 1
                program.start_again_at = now + program.pause()
                if not self.is_ready and program.deaths >= TRIES_BEFORE_READY:
                    return program
                complain(f"{program.name} ended ({_in_words(status)}); again in {program.pause():.0f} s")
        return None

    def _start(self, program: Program) -> None:
        program.process = subprocess.Popen(
            program.argv,
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # safe: we have no threads
        )
        program.started_at = time.monotonic()

    def _stop_all(self) -> None:
        alive = [program for program in self.programs if program.process is not None]
        for program in alive:
            _require(program).terminate()
        deadline = time.monotonic() + self.grace
        while time.monotonic() < deadline and self.signals < 2:
            if all(_require(program).poll() is not None for program in alive):
                break
            time.sleep(0.05)
        for program in alive:
            if _require(program).poll() is None:
                complain(f"{program.name} did not end by itself: killing it")
            _kill_group(_require(program).pid)
            _require(program).wait()
            program.process = None

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        before = {
            number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        if before[signal.SIGHUP] is signal.SIG_IGN:  # started by nohup
            del before[signal.SIGHUP]
        for number in before:
            signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1
        if self.signals == 1:
            say("\nStopping; once more kills at once" if number == signal.SIGINT else "Stopping")


def _require(program: Program) -> subprocess.Popen[bytes]:
    assert program.process is not None
    return program.process


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _in_words(status: int) -> str:
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Have the kernel end this program when we are killed ourselves; nobody else would."""
    if _LIBC is not None:
        _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)
