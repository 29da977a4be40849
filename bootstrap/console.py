"""Talk to the person at the keyboard: progress lines, and failures that say what to do."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS_BETWEEN_SIGNS_OF_LIFE = 10
GRACE_SECONDS = 15


class SetUpFailed(Exception):
    """What went wrong and what to do about it; ``run.py`` prints it and ends with ``status``."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def say(message: str) -> None:
    """Print one line at once, also into a pipe."""
    print(message, flush=True)


def complain(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def last_lines(path: Path, count: int = 20) -> str:
    """The last ``count`` lines of a log, indented; empty when there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-count:])


def run_step(
    title: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path, advice: str = ""
) -> None:
    """Run one program of the set-up with its output in ``log``, and a sign of life every ten seconds.

    Raises SetUpFailed with the end of the log, and ``advice``, when the program fails.
    """
    say(title)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while True:
                try:
                    status = process.wait(timeout=SECONDS_BETWEEN_SIGNS_OF_LIFE)
                    break
                except subprocess.TimeoutExpired:
                    say(f"  ... still at it, {time.monotonic() - started:.0f} s")
        except BaseException:
            stop(process)
            raise
    if status != 0:
        raise SetUpFailed(
            f"This step failed (exit status {status}): {title}\n{last_lines(log)}\nThe whole output: {log}"
            + (f"\n{advice}" if advice else "")
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End one program: ask, wait, then insist."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
