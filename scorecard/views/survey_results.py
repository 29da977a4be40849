"""Results as the page and print show them: words for figures, bands and what is not shown."""

from __future__ import annotations

from dataclasses import dataclass

from scorecard.queries.survey import Published
from scorecard.survey.figures import Figure
from scorecard.survey.questions import QUESTIONS, SCALE, Question


@dataclass(frozen=True)
class Bar:
    """One column of a small chart, 22 units high at most."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class ResultRow:
    question: Question
    total: str
    is_band: bool
    bars: tuple[Bar, ...]
    spread: str
    by_function: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    functions: tuple[tuple[str, int], ...]
    rows: tuple[ResultRow, ...]
    overall: str
    overall_by_function: tuple[str, ...]


def results_table(published: Published) -> Results:
    return Results(
        functions=tuple((found.label, found.count) for found in published.functions),
        rows=tuple(_row(published, question) for question in QUESTIONS if published.figures),
        overall=in_tenths(published.overall) if published.overall is not None else "",
        overall_by_function=tuple(
            in_tenths(found.overall) if found.overall is not None else "" for found in published.functions
        ),
    )


def in_tenths(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}"


def in_words(figure: Figure) -> str:
    if figure.mean is not None:
        return in_tenths(figure.mean)
    low, high = figure.band or (0, 0)
    return f"between {low // 10} and {high // 10}"


def _row(published: Published, question: Question) -> ResultRow:
    figure = published.figures[question.key]
    counts = figure.distribution or ()
    most = max(counts, default=0)
    heights = [-(-22 * count // most) for count in counts]
    return ResultRow(
        question=question,
        total=in_words(figure),
        is_band=figure.band is not None,
        bars=tuple(Bar(14 * place, 22 - height, height) for place, height in enumerate(heights)),
        spread=", ".join(
            f"{count}\u00a0said\u00a0{value}" for value, count in zip(SCALE, counts, strict=False) if count
        ),
        by_function=tuple(
            in_words(found.figures[question.key]) if question.key in found.figures else ""
            for found in published.functions
        ),
    )
