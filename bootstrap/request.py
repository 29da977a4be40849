"""What the command line of ``run.py`` can say."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

USAGE = """\
python3 run.py [--host 127.0.0.1] [--port 8000] [--data DIR] [--no-demo]    set up and run everything
       python3 run.py test [--all] [pytest arguments]                              run the tests
       python3 run.py benchmark NAME [arguments]                                   measure against a baseline
       python3 run.py manage [--data DIR] COMMAND [arguments]                      any manage.py command"""
EXPLANATION = """\
Without DATABASE_URL a PostgreSQL of its own is started, without REDIS_URL tasks are queued in files;
both live in the data folder. Set them to use your servers. README.md tells the rest."""
WITH_VALUE = {"--host", "--port", "--data"}


@dataclass(frozen=True)
class Request:
    """What the command line asks for; ``command`` is start, test, manage or benchmark, ``rest`` its own arguments."""

    command: str = "start"
    host: str = "127.0.0.1"
    port: int = 8000
    data: str | None = None
    with_demo: bool = True
    rest: list[str] = field(default_factory=list)


def parse(argv: Sequence[str]) -> Request:
    """Read the command line: our own options come before the command, what follows belongs to it.

    `manage` takes them on either side, up to the name of the manage.py command.
    Ends the program with status 2 and the usage when it makes no sense.
    """
    parser = argparse.ArgumentParser(
        prog="run.py",
        usage=USAGE,
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--host", default=Request.host, help="address to listen on; 0.0.0.0 is every one")
    parser.add_argument("--port", default=Request.port, type=_port, help="port to listen on")
    parser.add_argument("--data", metavar="DIR", help="folder for database, queue and Python environment")
    parser.add_argument("--no-demo", action="store_true", help="start empty, without the demo company")
    split = _first_word(argv)
    command = argv[split] if split < len(argv) else "start"
    if split < len(argv) and command not in {"test", "manage", "benchmark"}:
        parser.error(f"there is no command {command}; there are: test, manage, benchmark")
    ours, rest = list(argv[:split]), list(argv[split + 1 :])
    while command == "manage" and rest and rest[0].partition("=")[0] in WITH_VALUE:
        length = 1 if "=" in rest[0] else 2
        ours, rest = ours + rest[:length], rest[length:]
    options = parser.parse_args(ours)
    return Request(
        command=command,
        host=options.host,
        port=options.port,
        data=options.data,
        with_demo=not options.no_demo,
        rest=rest,
    )


def _first_word(argv: Sequence[str]) -> int:
    """Index of the first argument that is neither an option of ours nor an option's value."""
    index = 0
    while index < len(argv) and argv[index].startswith("-"):
        index += 2 if argv[index] in WITH_VALUE else 1
    return min(index, len(argv))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not a port; ports are 1 to 65535")
    return int(text)
