"""The queue in files: no reader ever sees half a message, whatever its size."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from kombu import Connection, Queue

from alignment.file_queue import NAME

MESSAGES = 150


def connect(folder: Path) -> Connection:
    for name in ("messages", "control"):
        (folder / name).mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
    }
    return Connection(f"{NAME}://localhost//", transport_options=options)


def test_a_message_appears_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], bool]] = []
    replace = os.replace

    def look_then_replace(source: str, target: str) -> None:
        names = [path.name for path in (tmp_path / "messages").glob("*.msg")]
        seen.append((names, "body" in json.loads(Path(source).read_text())))
        replace(source, target)

    monkeypatch.setattr("alignment.file_queue.os.replace", look_then_replace)
    with connect(tmp_path) as connection, connection.Producer() as producer:
        producer.publish({"n": 1}, routing_key="q", declare=[Queue("q")])
    assert seen == [([], True)]
    assert len(list((tmp_path / "messages").glob("*.q.msg"))) == 1


def test_two_writers_and_a_hasty_reader_lose_nothing(tmp_path: Path) -> None:
    done = threading.Event()
    found: list[int] = []
    failures: list[BaseException] = []

    def write(start: int) -> None:
        with connect(tmp_path) as connection, connection.Producer() as producer:
            for n in range(start, start + MESSAGES):
                producer.publish({"n": n, "filling": "x" * 20_000}, routing_key="q", declare=[Queue("q")])

    def read() -> None:
        try:
            with connect(tmp_path) as connection, connection.SimpleQueue("q") as queue:
                while len(found) < 2 * MESSAGES and not done.is_set():
                    try:
                        message = queue.get(block=False)
                    except queue.Empty:
                        continue
                    found.append(message.payload["n"])
                    message.ack()
        except BaseException as problem:  # shown by the assertion below
            failures.append(problem)

    with connect(tmp_path) as connection:
        Queue("q")(connection.channel()).declare()
    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(start,)) for start in (0, MESSAGES)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    reader.join(timeout=30)
    done.set()
    reader.join()
    assert not failures
    assert sorted(found) == list(range(2 * MESSAGES))
    assert not list((tmp_path / "messages").iterdir())
