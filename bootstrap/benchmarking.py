"""Run one benchmark against a server of its own, with the durability of production, thrown away afterwards."""

from bootstrap.commands import run_in_terminal
from bootstrap.console import SetUpFailed
from bootstrap.environment import CHECKOUT, Folders, prepare_python
from bootstrap.request import Request
from bootstrap.scratch import scratch

# More than the defaults, which are meant for very small machines; commits wait for the disk.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB"}


def names() -> list[str]:
    """The benchmarks that there are: modules with a main part."""
    modules = sorted((CHECKOUT / "benchmarks").glob("*.py"))
    return [path.stem for path in modules if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")]


def benchmark(request: Request) -> int:
    """Run the named benchmark with what follows its name as its arguments; returns its exit status."""
    if not request.rest or request.rest[0] not in names():
        raise SetUpFailed(f"Say which benchmark: python3 run.py benchmark {' | '.join(names())}")
    folders = Folders.of(request.data)
    folders.create()
    prepare_python(folders, for_tests=True)
    beside = "a scratch database beside that of DATABASE_URL"
    with scratch(folders, "benchmark", server=SETTINGS, made=", durable", given=beside) as (_, env):
        env.pop("REDIS_URL", None)
        name, *arguments = request.rest
        return run_in_terminal([str(folders.python), "-m", f"benchmarks.{name}", *arguments], env)
