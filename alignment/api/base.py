"""What every door of the API has in common: who may enter, what it understands, and in which time.

A door names its `roles` (as `alignment.access.roles` does for pages) and the `scope` that a token needs; objects
outside of the login's scope are not found. To add a resource, see `alignment.api`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import cached_property
from math import ceil
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.http import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from rest_framework import mixins, permissions, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from alignment.access import Scope, scope_of
from alignment.api.filters import FilterSet
from alignment.api.problems import Problem
from alignment.api.schema import Described
from alignment.models import ApiToken, Role, TokenScope, User
from alignment.services.rates import Taken, take

M = TypeVar("M", bound=Model)


def user_of(request: Request) -> User:
    """The login that asks, by token or by session."""
    user: Any = request.user
    if not isinstance(user, User):
        raise Problem("unauthenticated", "Send a live token, or sign in.")
    return user


class MayEnter(permissions.BasePermission):
    """The token has the scope, and the login the role, that the door asks for."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        door: Any = view
        if isinstance(request.auth, ApiToken) and not request.auth.has_scope(door.scope):
            raise Problem("forbidden", f"This token lacks the scope {door.scope}.")
        if not user_of(request).has_role(*door.roles):
            raise Problem("forbidden", "Your role has no part in this.")
        return True


class Rate(BaseThrottle):
    """So many requests a minute per token, or per login that uses the browser."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        token = request.auth
        holder = f"token:{token.pk}" if isinstance(token, ApiToken) else f"user:{user_of(request).pk}"
        found = take(holder=holder, burst=settings.API_BURST, per_second=settings.API_RATE_PER_MINUTE / 60)
        view.rate = found  # type: ignore[attr-defined]
        if not found.is_allowed:
            wait = max(1, ceil(found.wait))
            said = f"Wait {wait} s; {settings.API_RATE_PER_MINUTE} requests a minute are answered."
            raise Problem("too-many-requests", said, headers={"Retry-After": str(wait)})
        return True


@contextmanager
def within_limits(patience: int | None = None) -> Iterator[None]:
    """One transaction in which no statement runs, or waits for a lock, longer than `patience` (ms), or without it
    than the settings allow."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
                [str(patience or settings.API_STATEMENT_TIMEOUT), str(patience or settings.API_LOCK_TIMEOUT)],
            )
        yield


class Door(APIView):
    """The common part. Times are in UTC; answers are kept by no cache."""

    roles: ClassVar[frozenset[Role]]
    scope: ClassVar[TokenScope] = TokenScope.READ
    operation: ClassVar[str] = ""
    tag: ClassVar[str] = ""
    rate: Taken | None = None
    http_method_names = ["get", "head", "post"]
    permission_classes = [MayEnter]
    throttle_classes = [Rate]
    schema = Described()

    @property
    def parameters(self) -> frozenset[str]:
        """The query parameters that this door knows."""
        return frozenset()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with timezone.override(UTC):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Form first, then who, then how often, then whether: a token that may not do this still counts."""
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self.perform_authentication(request)
        if request.user.is_authenticated:
            self.check_throttles(request)
        self.check_permissions(request)
        if (request.method or "").lower() in self._answered:
            self._refuse_unknown_parameters(request)

    @property
    def _answered(self) -> set[str]:
        return {name for name in self.http_method_names if hasattr(self, name)}

    def _refuse_unknown_parameters(self, request: Request) -> None:
        known = self.parameters
        said = f"Known here: {', '.join(sorted(known))}." if known else "There are no parameters here."
        errors = [
            {"parameter": name[:60], "detail": f"Unknown. {said}"}
            if name not in known
            else {"parameter": name, "detail": "Give it once."}
            for name, values in request.query_params.lists()
            if name not in known or len(values) > 1
        ]
        if errors:
            raise Problem("invalid", f"There are parameters that cannot be used. {said}", errors[:20])

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        found = super().finalize_response(request, response, *args, **kwargs)
        found["Cache-Control"] = "no-store"
        if self.rate is not None:
            found["RateLimit-Policy"] = f'"api";q={settings.API_BURST};w={_seconds_to_fill()}'
            found["RateLimit"] = f'"api";r={self.rate.left};t={max(1, round(self.rate.wait))}'
        return found

    @cached_property
    def viewer(self) -> User:
        return user_of(self.request)

    @cached_property
    def rows_in_scope(self) -> Scope:
        """Which rows this login may see, as on the pages."""
        return scope_of(self.viewer)


def _seconds_to_fill() -> int:
    return max(1, round(settings.API_BURST * 60 / settings.API_RATE_PER_MINUTE))


class Resource(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[M], Door):
    """Things to list and to read. `get_queryset` returns those that `self.viewer` may see, and nothing else.

    `orderings` maps names that clients may order by to columns without nulls, which have an index or few rows; the
    first is the default. Ids rise with the time when a row was made.
    """

    filterset_class: ClassVar[type[FilterSet] | None] = None
    orderings: ClassVar[dict[str, str]] = {"id": "pk"}
    schema = Described()

    def get_queryset(self) -> QuerySet[M]:
        raise NotImplementedError

    @property
    def parameters(self) -> frozenset[str]:
        if self.action != "list":
            return frozenset()
        own = self.filterset_class.base_filters if self.filterset_class else {}
        return frozenset({*own, "cursor", "limit", "ordering"})

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with within_limits():
            return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with within_limits():
            return super().retrieve(request, *args, **kwargs)


class Report(Door):
    """Something computed. `asked` reads the query parameters; `answer` returns what `serializer_class` shows."""

    asked: ClassVar[type[BaseSerializer[Any]] | None] = None
    serializer_class: ClassVar[type[BaseSerializer[Any]]]

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset(self.asked().fields) if self.asked else frozenset()  # type: ignore[attr-defined]

    def get(self, request: Request, **path: Any) -> Response:
        given: dict[str, Any] = {}
        if self.asked is not None:
            reader = self.asked(data=request.query_params.dict())
            if not reader.is_valid():
                errors = [
                    {"parameter": str(name), "detail": str(text)}
                    for name, texts in dict(reader.errors).items()
                    for text in texts
                ]
                raise Problem("invalid", "There are parameters that cannot be used.", errors)
            given = reader.validated_data
        with within_limits():
            return Response(self.serializer_class(self.answer(**path, **given)).data)

    def answer(self, *args: Any, **given: Any) -> Any:
        raise NotImplementedError


def resource(where: str, view: type[Resource[Any]], name: str, key: str = "<int:pk>") -> list[URLPattern]:
    """The two addresses of a resource, `api:NAME-list` and `api:NAME`."""
    return [
        path(where, view.as_view({"get": "list"}), name=f"{name}-list"),
        path(f"{where}/{key}", view.as_view({"get": "retrieve"}), name=name),
    ]
