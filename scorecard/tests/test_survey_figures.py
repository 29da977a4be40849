"""No figure that is shown, nor any two of them, tells what fewer than five people said, or what everybody said."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import pytest

from scorecard.survey.box import Ballot
from scorecard.survey.figures import BANDS, Figure, figure_of, mean_of, release, shown_groups

K = 5


def ballots(sizes: dict[str, int], values: Sequence[tuple[int, ...]] | None = None) -> list[Ballot]:
    groups = [group for group, size in sizes.items() for _ in range(size)]
    chosen = values or [tuple(random.choices(range(1, 6), k=5)) for _ in groups]
    return [Ballot(group, each) for group, each in zip(groups, chosen, strict=True)]


def sets_that_subtraction_gives(content: dict[str, Any]) -> set[int]:
    """Sizes of all sets of people whose sum follows from what is shown: unions of shown sets and of what they leave."""
    if content["count"] is None:
        return set()
    cells = [found["count"] for found in content["functions"].values()]
    rest = content["count"] - sum(cells)
    cells += [rest] if rest else []
    return {sum(chosen) for size in range(1, len(cells) + 1) for chosen in combinations(cells, size)}


def test_of_every_split_of_1_to_30_answers_in_two_no_set_under_five_follows() -> None:
    tried = 0
    for total in range(1, 31):
        for sales in range(total + 1):
            content = release(ballots({"sales": sales, "marketing": total - sales}), minimum=K, invited=total)
            sizes = sets_that_subtraction_gives(content)
            assert all(size >= K for size in sizes), (sales, total, sizes)
            assert (content["count"] is None) == (total < K)
            shown = set(content["functions"])
            assert shown == ({"sales", "marketing"} if min(sales, total - sales) >= K else set())
            tried += 1
    assert tried == sum(range(2, 32))


def test_of_every_split_of_1_to_30_answers_in_two_and_a_rest_no_set_under_five_follows() -> None:
    for total in range(1, 31):
        for sales in range(total + 1):
            for marketing in range(total - sales + 1):
                sizes = {"sales": sales, "marketing": marketing, "": total - sales - marketing}
                shown = shown_groups(sizes, K)
                left = total - sum(sizes[group] for group in shown)
                assert left == 0 or left >= K or not shown
                assert all(sizes[group] >= K and total - sizes[group] >= K for group in shown)


def test_of_2000_random_splits_in_three_to_five_groups_too() -> None:
    chance = random.Random(20261122)
    names = ("", "sales", "marketing", "finance", "revops")
    for _ in range(2000):
        minimum = chance.randint(5, 12)
        sizes = {name: chance.randint(0, 40) for name in names[: chance.randint(3, 5)]}
        shown = shown_groups(sizes, minimum)
        left = sum(sizes.values()) - sum(sizes[group] for group in shown)
        assert not shown or left == 0 or left >= minimum, (sizes, minimum, shown)


class TestAllAlike:
    @pytest.mark.parametrize("value", range(1, 6))
    @pytest.mark.parametrize("count", range(5, 31))
    def test_a_band_stands_for_the_figure(self, value: int, count: int) -> None:
        figure = figure_of([value] * count)
        assert figure.mean is None
        assert figure.distribution is None
        assert figure.band in BANDS
        assert figure.band[0] <= 10 * value <= figure.band[1]

    @pytest.mark.parametrize("value", range(1, 6))
    def test_every_band_is_shown_for_other_answers_as_well(self, value: int) -> None:
        """So a band does not say that all are alike, nor at what."""
        band = figure_of([value] * 8).band
        alike = {
            values
            for values in product(range(1, 6), repeat=2)
            for figure in [figure_of([values[0]] * 7 + [values[1]])]
            if figure.band == band
        }
        assert len({values[0] for values in alike}) >= 2
        assert any(first != other for first, other in alike)

    def test_the_one_who_differs_does_not_learn_what_the_others_said(self) -> None:
        assert figure_of([5, 5, 5, 5, 1]).mean is None
        assert figure_of([5, 5, 5, 1, 1]).mean is not None

    def test_a_mean_that_reads_as_everybody_is_no_mean(self) -> None:
        assert figure_of([5] * 60 + [4, 4]).mean is None
        assert figure_of([1] * 60 + [2, 2]).mean is None

    def test_a_function_is_not_shown_when_it_or_what_remains_is_alike(self) -> None:
        mixed, alike = [(v,) * 5 for v in (1, 2, 3, 4, 5, 1)], [(4,) * 5] * 6
        for values in (mixed + alike, alike + mixed):
            content = release(ballots({"sales": 6, "marketing": 6}, values), minimum=K, invited=12)
            assert content["questions"]["definitions"]["mean"] is not None
            assert set(content["functions"]) == {"sales", "marketing"}
            assert all(
                not found["questions"] and found["overall"] is None for found in content["functions"].values()
            )

    def test_the_overall_figure_does_not_undo_a_band(self) -> None:
        """Whatever hides behind the band, the overall figure is the same."""
        base = [(0, 1, 2, 3, 4), (0, 2, 3, 4, 5), (0, 3, 3, 3, 2), (0, 5, 4, 1, 1), (0, 2, 5, 5, 4)]
        seen = {
            release(ballots({"sales": 5}, [(value, *each[1:]) for each in base]), minimum=K, invited=5)[
                "overall"
            ]
            for value in (4, 5)
        }
        assert len(seen) == 1


def test_nothing_shown_pins_everybody_in_any_release_of_five_to_eight_answers(examples: Any) -> None:
    """Every multiset of answers to one question: what is shown fits a second one that says something else of
    everybody."""
    for count in range(5, examples(7, 9)):
        shown: dict[Any, list[tuple[int, ...]]] = {}
        for values in {tuple(sorted(found)) for found in product(range(1, 6), repeat=count)}:
            figure = figure_of(values)
            shown.setdefault((figure.mean, figure.band, figure.distribution), []).append(values)
        for (_, band, distribution), behind in shown.items():
            if band:
                assert len({Counter(values).most_common(1)[0][0] for values in behind}) >= 2
            else:
                assert max(distribution) <= count - 2


def test_fewer_than_the_minimum_show_not_even_how_many() -> None:
    for count in range(5):
        content = release(ballots({"sales": count}), minimum=K, invited=9)
        assert content == {
            "schema": 1,
            "minimum": K,
            "invited": 9,
            "count": None,
            "overall": None,
            "questions": {},
            "functions": {},
        }


def test_means_are_rounded_half_up_to_tenths() -> None:
    for count in range(1, 31):
        for total in range(count, 5 * count + 1):
            values = [1] * count
            for n in range(total - count):
                values[n % count] += 1
            assert mean_of(values) == int(10 * total / count + 0.5)


def test_figures_come_back_from_json_as_they_were() -> None:
    for figure in (figure_of([1, 2, 3, 4, 5]), figure_of([5] * 5), Figure(33)):
        assert Figure.from_json(figure.to_json()) == figure


def test_a_known_survey_gives_known_figures() -> None:
    """Counted by hand: ten answers, five a function."""
    sales = [(4, 2, 3, 2, 3), (5, 2, 3, 1, 3), (4, 3, 2, 2, 4), (3, 1, 3, 2, 2), (4, 2, 4, 3, 3)]
    marketing = [(3, 4, 5, 3, 3), (2, 5, 4, 4, 3), (3, 4, 4, 2, 4), (4, 3, 5, 3, 2), (2, 4, 4, 3, 4)]
    content = release(ballots({"sales": 5, "marketing": 5}, sales + marketing), minimum=K, invited=14)
    assert [content["questions"][key]["mean"] for key in content["questions"]] == [34, 30, 37, 25, 31]
    assert content["questions"]["definitions"]["distribution"] == [0, 2, 3, 4, 1]
    assert content["overall"] == 31
    assert content["functions"]["sales"]["questions"]["definitions"]["mean"] == 40
    assert content["functions"]["marketing"]["questions"]["follow_up"]["mean"] == 40
    assert (content["count"], content["invited"]) == (10, 14)
