"""Documents for tests: one with every block and every sign that could be taken for markup, and long ones."""

from __future__ import annotations

from alignment.artifacts.document import (
    Bullets,
    Document,
    Facts,
    Heading,
    Paragraph,
    Score,
    Scores,
    Table,
)

MARKUP = '#panic("x") *x* _y_ $x$ `z` <b>&amp; {{ title }} [1] @ref // \\ 🙂 日本 שלום مرحبا é → ½'

EVERYTHING = Document(
    title=f"Scorecard of the first program {MARKUP}",
    subtitle="What both functions found",
    blocks=(
        Heading("Where we stand"),
        Paragraph("Two of five dimensions are fractures.\nThe order follows.", "lead"),
        Scores(
            (
                Score(
                    "Definition agreement", 27, "fracture", "15 of 28 answers agree", "Six answered blind."
                ),
                Score("Trust", None, "not measured"),
                Score("Handoff hygiene", 50, "healthy", "98 of 100"),
            )
        ),
        Heading("In detail", 3),
        Paragraph(f"Plain words. {MARKUP}"),
        Paragraph("Excused by waiver 1-1 until 30 Nov 2026.", "warning"),
        Paragraph("Figures as of 21 Nov 2026.", "small"),
        Bullets(("first do this", f"then that {MARKUP}"), is_numbered=True),
        Bullets(("one thing", "another thing")),
        Facts((("Owner", "Avery Lane"), ("Where", "https://example.com/" + "path" * 40))),
        Table(
            ("Metric", "Owner", "Target"),
            (("MQL to SQL", "Sales", "70.0%"), ("Pipeline", MARKUP, "1,200,000")),
            frozenset({2}),
            "Targets of the quarter",
        ),
    ),
)


def of_lines(count: int) -> Document:
    """A document of so many short paragraphs, numbered from 1."""
    return Document(
        "A long one", blocks=(Heading("Terms"), *(Paragraph(f"Line {n}.") for n in range(1, count + 1)))
    )
