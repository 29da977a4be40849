"""How doors describe themselves in the OpenAPI document: parameters, bodies, and every refusal they can give."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from alignment.api import pages, problems

READING = ("invalid", "unauthenticated", "forbidden", "not-acceptable", "too-many-requests", "unavailable")
ACTING = (
    *READING,
    "refused",
    "answer-gone",
    "length-required",
    "too-large",
    "unsupported-media-type",
    "key-reused",
)


def _told_of_order(door: Any) -> str:
    said = "Rising, or with a minus falling; ties by id."
    if set(door.orderings.values()) == {"pk"}:
        return said
    return f"{said} A row whose moment changes between two pages may be missed or met twice; by id none is."


class Described(AutoSchema):
    """Reads what a door says of itself; nothing is guessed from models."""

    @property
    def _is_act(self) -> bool:
        return self.method == "POST"

    @property
    def _is_list(self) -> bool:
        return getattr(self.view, "action", "") == "list"

    def get_operation_id(self) -> str:
        door: Any = self.view
        action = getattr(door, "action", "")
        if door.operation:
            return str(door.operation)
        things = self.path.removeprefix("/api/v1/").partition("/")[0].replace("-", "_")
        return f"{action}_{things}"

    def get_tags(self) -> list[str]:
        door: Any = self.view
        return [door.tag]

    def get_summary(self) -> str:
        return self.get_description().split("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        door: Any = self.view
        said = (type(door).__doc__ or "").strip()
        said = "\n".join(line.strip() for line in said.splitlines())
        roles = ", ".join(sorted(str(role.label) for role in door.roles))
        return f"{said}\n\nToken scope: `{door.scope}`. Roles: {roles}."

    def get_override_parameters(self) -> list[Any]:
        door: Any = self.view
        if self._is_act:
            return [
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[!-~]+$"},
                    OpenApiParameter.HEADER,
                    required=True,
                    description="New for every act; repeated with the same request it repeats the answer "
                    "(`Idempotent-Replayed: true`) and nothing else.",
                )
            ]
        if self._is_list:
            return [*self._filters(door), *self._paging(door)]
        asked = getattr(door, "asked", None)
        return [asked] if asked else []

    def _filters(self, door: Any) -> list[OpenApiParameter]:
        filters = door.filterset_class.base_filters if door.filterset_class else {}
        return [
            OpenApiParameter(name, found.schema, description=str(found.extra.get("help_text") or ""))
            for name, found in filters.items()
        ]

    def _paging(self, door: Any) -> list[OpenApiParameter]:
        orders = [order for name in door.orderings for order in (name, f"-{name}")]
        return [
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": pages.MOST, "default": pages.USUAL},
                description="Rows of a page.",
            ),
            OpenApiParameter(
                "ordering",
                {"type": "string", "enum": orders, "default": orders[0]},
                description=_told_of_order(door),
            ),
            OpenApiParameter(
                "cursor",
                {"type": "string", "minLength": 1},
                description="From `next`; opaque, so use it as given.",
            ),
        ]

    def _get_filter_parameters(self) -> list[Any]:
        return []

    def _get_pagination_parameters(self) -> list[Any]:
        return []

    def get_request_serializer(self) -> Any:
        door: Any = self.view
        if not self._is_act:
            return None
        return door.given(many=True) if door.is_list else (door.given if door.given().fields else None)

    def get_response_serializers(self) -> Any:
        door: Any = self.view
        success = door.status if self._is_act else 200
        found: dict[Any, Any] = {success: door.serializer_class}
        codes = [*(ACTING if self._is_act else READING)]
        if "{" in self.path and "not-found" not in codes:
            codes.append("not-found")
        by_status: dict[int, list[str]] = {}
        for code in codes:
            by_status.setdefault(problems.KINDS[code][0], []).append(code)
        for status, several in sorted(by_status.items()):
            words = "; ".join(f"`{code}`: {problems.KINDS[code][2]}" for code in several)
            found[status, problems.MEDIA_TYPE] = OpenApiResponse(problems.ProblemSerializer, words)
        return found

    def get_examples(self) -> list[OpenApiExample]:
        return list(getattr(self.view, "examples", []))
