"""Many senders at once, and a database that comes and goes: nothing is lost, doubled or answered early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import OperationalError, connection

from alignment.models import Delivery, Scheme
from alignment.tests.senders import SIGNING, Sender, make_sender

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 50


def at_once(act: Callable[[int], bytes]) -> Counter[bytes]:
    """What 50 threads, each with a connection of its own, got as answers when they acted together."""
    barrier = Barrier(THREADS)

    def run(number: int) -> bytes:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(run, range(THREADS)))


def test_the_same_delivery_by_50_threads_is_one_row(examples: Callable[[int, int], int]) -> None:
    sender = make_sender()
    for number in range(examples(2, 20)):
        answers = at_once(lambda _, number=number: sender.send(b"{}", f"msg_{number}").content)
        assert answers == {b'{"status":"accepted"}\n': 1, b'{"status":"duplicate"}\n': THREADS - 1}
        assert Delivery.objects.count() == number + 1


def test_the_same_id_with_two_bodies_by_50_threads_is_one_row_and_one_conflict() -> None:
    sender = make_sender()
    answers = at_once(lambda number: sender.send(b"ab"[number % 2 : number % 2 + 1]).content)
    assert answers == {
        b'{"status":"accepted"}\n': 1,
        b'{"status":"duplicate"}\n': THREADS // 2 - 1,
        b'{"status":"conflict"}\n': THREADS // 2,
    }
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["conflict", "pending"]


def test_without_an_id_every_delivery_is_a_row() -> None:
    sender = make_sender(Scheme.ESPOCRM)
    assert at_once(lambda _: sender.send(b"[]").content) == {b'{"status":"accepted"}\n': THREADS}
    assert Delivery.objects.count() == THREADS


def cut_connection() -> None:
    """Ends this thread's database session from the server's side, as a restart or a failover does."""
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("is_known", [True, False])
def test_a_connection_that_died_between_two_requests_costs_no_delivery(is_known: bool) -> None:
    sender = make_sender()
    if is_known:
        assert sender.send(b"{}", "before").status_code == 202
    cut_connection()
    assert sender.send(b"{}", "after").status_code == 202
    assert Delivery.objects.filter(external_id="after").count() == 1


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fall() -> None:
        connection.close()

        def refuse(*_: object) -> None:
            raise OperationalError("connection refused: secret detail")

        monkeypatch.setattr(connection, "get_new_connection", refuse)

    return fall


@pytest.mark.parametrize("scheme", SIGNING)
@pytest.mark.parametrize("is_known", [True, False])
def test_without_a_database_the_answer_is_try_again(
    scheme: str, is_known: bool, no_database: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = make_sender(scheme)
    if is_known:
        assert sender.send(b"{}", "before").status_code == 202
    no_database()
    for _ in range(3):
        response = sender.send(b"{}", "during")
        assert (response.status_code, response["Retry-After"]) == (503, "10")
        assert b"secret detail" not in response.content
    monkeypatch.undo()
    assert sender.send(b"{}", "during").content == b'{"status":"accepted"}\n'


def test_nothing_is_answered_2xx_when_the_row_is_refused() -> None:
    sender: Sender = make_sender()
    assert sender.send(b"{}", "before").status_code == 202
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert sender.send(b"{}", "during").status_code == 503
    connection.close()
    assert not Delivery.objects.filter(external_id="during").exists()
