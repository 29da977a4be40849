"""People are found over the API by the names that sources have for them."""

from __future__ import annotations

from alignment.models import PersonIdentity, Role, Source
from testing.api import by_token
from testing.world import World, add_user


def test_a_person_is_found_by_what_one_source_calls_them(world: World) -> None:
    """Whom one source calls 7 is not who is called 7 by another."""
    other = Source.objects.create(key="other", name="Other", kind="standard")
    first, second, third = world.reps
    names = [
        (first, world.crm, "1"), (first, other, "7"), (first, other, "7b"), (second, world.crm, "7"),
        (third, other, "9"),
    ]  # fmt: skip
    for person, source, external_id in names:
        PersonIdentity.objects.create(person=person, source=source, external_id=external_id)
    api = by_token(add_user(world, Role.REVOPS))

    def found(**query: str) -> list[str]:
        return [row["name"] for row in api.results("people", **query)]

    assert found(source="crm", external_id="7") == [second.name]
    assert found(source="other", external_id="7") == [first.name]
    assert found(source="other", external_id="1") == []
    assert found(external_id="7") == [first.name, second.name]
    assert found(source="other") == [first.name, third.name], "each once, however many names there are"
