"""One attempt: a signed POST to an address that was checked, within a time that nothing can stretch.

No redirect is followed, no proxy of the environment used, and of the answer only status and Retry-After are kept,
and of a refusal the first words, without our address and without e-mail addresses.
"""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from standardwebhooks import Webhook

from alignment.outbox.addresses import Refused, Resolver, Target, look_up, target

log = logging.getLogger(__name__)
BODY_LIMIT = 64 * 1024
ANSWER_LENGTH = 500  # characters
_EMAIL = re.compile(r"[^\s\"'<>(),;:=@]{1,64}@[^\s\"'<>(),;:=@]{1,255}")


@dataclass(frozen=True)
class Answer:
    """What became of an attempt. `status` is None where no answer came; `problem` is empty after a 2xx, else a
    sentence without anything that the receiver wrote. `is_unreachable`: not this message, the receiver is at fault.
    `said`: the first words of a refusal's body; they may quote the message, so they belong in no log."""

    status: int | None
    problem: str = ""
    retry_after: str | None = None
    is_unreachable: bool = False
    said: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def signed_headers(key: str, body: str, secrets: Sequence[str], *, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks, signed with every live secret; `at` is the time of this attempt."""
    signatures = [Webhook(secret).sign(msg_id=key, timestamp=at, data=body) for secret in secrets]
    return {
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
        "user-agent": "revenue-alignment-write-back/1",
    }


def post(address: str, body: str, headers: Mapping[str, str], *, resolve: Resolver = look_up) -> Answer:
    """Send once, in at most OUTGOING_TIMEOUT seconds after the name is resolved. Never raises."""
    deadline = None
    try:
        found = target(address, resolve=resolve)
        deadline = time.monotonic() + settings.OUTGOING_TIMEOUT
        return _exchange(found, body.encode(), headers, deadline)
    except Refused as problem:
        problem_said = str(problem)
    except TimeoutError:
        problem_said = _too_late()
    except ssl.SSLCertVerificationError as problem:
        problem_said = f"The certificate was not accepted: {problem.verify_message}."
    except ssl.SSLError:
        problem_said = "No secure connection came about."
    except ConnectionRefusedError:
        problem_said = "The connection was refused."
    except (OSError, http.client.HTTPException):
        is_late = deadline is not None and time.monotonic() >= deadline
        problem_said = _too_late() if is_late else "The connection broke off."
    except Exception as problem:
        # its words may hold the address; the receiver is not known to be at fault
        log.error("write-back could not be sent", extra={"problem": type(problem).__name__})
        return Answer(None, "It could not be sent.")
    return Answer(None, problem_said[:200], is_unreachable=True)


def _exchange(found: Target, body: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
    connection = _Pinned(found, deadline)
    # a socket's own timeout starts anew with every byte: this one ends the whole exchange
    watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), connection.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.putrequest("POST", found.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"host": found.authority, **headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        if connection.is_cut:  # what was read so far would pass for an answer
            raise TimeoutError
        written = b""
        with suppress(OSError, http.client.HTTPException):
            written = response.read(BODY_LIMIT)
        judged = _judged(response.status, response.getheader("Retry-After"))
        return judged if judged.is_delivered else replace(judged, said=_first_words(written, found.path))
    finally:
        watchdog.cancel()
        connection.close()


def _judged(status: int, retry_after: str | None) -> Answer:
    if 200 <= status < 300:
        return Answer(status)
    problem = f"Answered {status} {http.client.responses.get(status, '')}".strip() + "."
    if 300 <= status < 400:
        problem = f"Answered {status}: redirects are not followed; enter the final address."
    is_out = status in (429, 502, 503, 504)
    return Answer(status, problem, retry_after if is_out else None, is_unreachable=is_out)


def _first_words(written: bytes, path: str) -> str:
    """The begin of what was written as one line. The path may carry a token of the receiver."""
    text = written.decode(errors="replace")
    if len(path) > 1:
        text = text.replace(path, "…")
    text = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * ANSWER_LENGTH])
    return " ".join(_EMAIL.sub("…@…", text).split())[:ANSWER_LENGTH]


def _too_late() -> str:
    return f"No answer within {settings.OUTGOING_TIMEOUT:g} seconds."


class _Pinned(http.client.HTTPConnection):
    """Connects to the checked addresses only, and asks for a certificate for the name."""

    def __init__(self, found: Target, deadline: float) -> None:
        super().__init__(found.host, found.port)
        self._target, self._deadline = found, deadline
        self.is_cut = False

    def connect(self) -> None:
        raw = self._open()
        self.sock = raw
        if self.is_cut:
            raise TimeoutError
        raw.settimeout(max(0.01, self._deadline - time.monotonic()))
        if self._target.is_https:
            context = _context(settings.OUTGOING_CA_FILE)
            self.sock = context.wrap_socket(raw, server_hostname=self._target.host)

    def cut(self) -> None:
        """End whatever is going on, from another thread."""
        self.is_cut = True
        if self.sock is not None:
            with suppress(OSError):
                # not the method of a TLS socket: that would take its keys away under the thread that reads
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def _open(self) -> socket.socket:
        failure: OSError | None = None
        for address in self._target.addresses[:2]:
            if self.is_cut:
                raise TimeoutError
            try:
                return socket.create_connection(
                    (address, self._target.port), timeout=settings.OUTGOING_CONNECT_TIMEOUT
                )
            except OSError as problem:
                failure = problem
        raise failure or OSError("no address")


@lru_cache(maxsize=2)
def _context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    return context
