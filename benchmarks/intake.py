"""Signed deliveries per second against two usual ways to take events: `python3 run.py benchmark intake`.

One gunicorn (2 processes of 4 threads, persistent connections) serves all of them from a scratch database beside the
one in DATABASE_URL; eight keep-alive connections write to it, the variants in alternating rounds:

- intake: signature, INSERT .. ON CONFLICT DO NOTHING, 202; one event, or an array of 50, a request
- bare: a Django view with json.loads and Model.objects.create, nothing else
- DRF: ModelViewSet with token authentication, serializer and transaction

The ratios are the figures to watch (target: at least 1.3 × bare, 4 × DRF, and 4 × as many events in arrays); load,
server and database share one machine, so rates depend on it. Every 2xx must be a row.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from benchmarks.scratch import scratch_database

SETTINGS = "benchmarks.intake_site.settings"
ROUNDS, CONNECTIONS, REQUESTS = 5, 8, 200  # requests: a connection and round
ARRAY = 50


@dataclass
class Variant:
    """One way to take events, and what was measured of it, a figure a round."""

    name: str
    path: str
    events: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


def event() -> dict[str, object]:
    """About 1 kB, as a CRM's lead record."""
    lead = {f"field_{n}": f"value {n} of this lead" for n in range(22)} | {
        "score": 72,
        "email": "pat@example.com",
    }
    return {"id": uuid4().hex, "type": "lead.mql", "timestamp": "2026-03-02T14:05:11Z", "data": lead}


def request(variant: Variant, secret: str, source: int) -> bytes:
    """A whole HTTP request, made and signed before the clock runs."""
    from django.utils import timezone

    from alignment.tests.senders import standard_headers

    made = event()
    headers = dict(variant.headers)
    if variant.name == "DRF":
        name = str(made["id"])
        made = {
            "source": source,
            "ref": name,
            "subject": "lead",
            "external_id": name,
            "fields": made["data"],
        } | {
            "occurred_at": made["timestamp"],
            "order_key": name,
        }
    body = json.dumps([made] + [event() for _ in range(ARRAY - 1)] if variant.events > 1 else made).encode()
    if variant.name == "intake":
        headers |= standard_headers(secret, uuid4().hex, timezone.now(), body)
    headers |= {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [
        f"POST {variant.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def load(port: int, requests: list[bytes]) -> list[float]:
    """Sends them one after the other on one connection; the seconds each took. Fails on anything but 2xx."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for sent in requests:
            began = time.perf_counter()
            connection.sendall(sent)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            head, _, rest = answer.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            while len(rest) < length:
                rest += connection.recv(65536)
            times.append(time.perf_counter() - began)
            if not head.startswith(b"HTTP/1.1 2"):
                raise SystemExit(f"{head.splitlines()[0].decode()}: {rest[:300].decode()}")
    return times


def measure(variant: Variant, port: int, secret: str, source: int, requests: int) -> None:
    batches = [[request(variant, secret, source) for _ in range(requests)] for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        times = [seconds for taken in pool.map(lambda batch: load(port, batch), batches) for seconds in taken]
    variant.rates.append(len(times) / (time.perf_counter() - began))
    variant.times.extend(times)


@contextmanager
def serving(scratch: str) -> Iterator[int]:
    """gunicorn over the scratch database, for a while; its port, once it answers."""
    server, port = _serve(os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + scratch)
    try:
        yield port
    finally:
        server.terminate()
        server.wait(timeout=15)


def _serve(database: str) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--threads",
        "4",
    ]
    program += ["--worker-class", "gthread", "--keep-alive", "30", "--log-level", "error", "alignment.wsgi"]
    server = subprocess.Popen(program, env=os.environ | {"DATABASE_URL": database})
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return server, port
    server.kill()
    raise SystemExit("gunicorn did not start")


def run(scratch: str) -> list[Variant]:
    """The rounds, against a fresh scratch database of this name."""
    from rest_framework.authtoken.models import Token

    from alignment.models import Delivery, Fact, Role, User
    from alignment.tests.senders import make_sender

    sender = make_sender()
    source, endpoint = sender.endpoint.source_id, sender.endpoint.pk
    token = Token.objects.create(
        user=User.objects.create_user("load@example.com", name="Load", role=Role.REVOPS)
    )
    variants = [
        Variant("intake", sender.endpoint.path),
        Variant("bare", f"/bare/{source}/{endpoint}/"),
        Variant("DRF", "/drf/", headers={"Authorization": f"Token {token.key}"}),
        Variant("intake", sender.endpoint.path, events=ARRAY),
    ]
    with serving(scratch) as port:
        for variant in variants:
            measure(variant, port, sender.secret, source, 20)
            variant.rates.clear()
            variant.times.clear()
        before = Delivery.objects.count() + Fact.objects.count()
        for _ in range(ROUNDS):
            for variant in variants:
                measure(variant, port, sender.secret, source, REQUESTS)
        rows = Delivery.objects.count() + Fact.objects.count() - before
        if rows != (answered := sum(len(variant.times) for variant in variants)):
            raise SystemExit(f"{answered} answers, but {rows} rows")
    return variants


def main() -> None:
    """Set up, run, print, and remove the scratch database."""
    with scratch_database(SETTINGS) as scratch:
        variants = run(scratch)
    for variant in variants:
        low, high = min(variant.rates), max(variant.rates)
        p50, p99 = (1000 * statistics.quantiles(variant.times, n=100)[n] for n in (49, 98))
        print(
            f"{variant.name:7} {variant.events:3} a request: {variant.rate:7,.0f} requests/s ({low:,.0f}-{high:,.0f}), "
            f"{variant.rate * variant.events:7,.0f} events/s, p50 {p50:5.1f} ms, p99 {p99:5.1f} ms"
        )
    intake, bare, drf, arrays = variants
    print(f"intake / bare: {intake.rate / bare.rate:.2f}")
    print(f"intake / DRF: {intake.rate / drf.rate:.2f}")
    print(f"events in arrays of {ARRAY} / single events: {arrays.rate * ARRAY / intake.rate:.1f}")


if __name__ == "__main__":
    main()
