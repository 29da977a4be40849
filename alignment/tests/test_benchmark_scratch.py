"""The scratch database of a benchmark is its own: it takes neither the product's nor that of a running test."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from benchmarks.scratch import scratch_database


def test_a_benchmark_takes_a_name_of_its_own_and_removes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    removed: list[str] = []
    given = connection.settings_dict["NAME"]

    def create(*, autoclobber: bool = False, **_: Any) -> str:
        assert not autoclobber
        made.append(connection.settings_dict["TEST"]["NAME"])
        connection.settings_dict["NAME"] = made[-1]
        return made[-1]

    def destroy(name: str, **_: Any) -> None:
        removed.append(connection.settings_dict["NAME"])
        connection.settings_dict["NAME"] = name

    monkeypatch.setenv("DATABASE_URL", "postgresql://x/x")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "alignment.settings")
    monkeypatch.setattr("django.setup", lambda: None)
    monkeypatch.setitem(connection.settings_dict, "NAME", given)
    monkeypatch.setitem(connection.settings_dict["TEST"], "NAME", None)
    monkeypatch.setattr(connection.creation, "create_test_db", create)
    monkeypatch.setattr(connection.creation, "destroy_test_db", destroy)
    for _ in range(2):
        with scratch_database() as name:
            assert name.startswith("benchmark_") and name == made[-1]
    assert len(set(made)) == 2 and removed == made and connection.settings_dict["NAME"] == given

    def refuse(**_: Any) -> str:
        raise RuntimeError("no right to create a database")

    monkeypatch.setattr(connection.creation, "create_test_db", refuse)
    with pytest.raises(RuntimeError), scratch_database():
        raise AssertionError("not reached")
    assert removed == made
