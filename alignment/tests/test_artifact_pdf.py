"""The PDF of a document: its words, its pages, and the same bytes each time."""

from __future__ import annotations

import io
import re

import pypdf
import pytest

from alignment.artifacts.document import Bullets, Document, Facts, Paragraph, Score, Scores, Table
from alignment.artifacts.glyphs import printed, unprintable
from alignment.artifacts.pdf import Imprint, SignatureLine, make_pdf, overflow, pages_of
from alignment.tests.documents import EVERYTHING, of_lines

OPEN = (SignatureLine("CRO"), SignatureLine("CMO"))
SIGNED = (
    SignatureLine("CRO", "Sam Okafor", "Chief Revenue Officer", "21 Nov 2026, 14:05 (Europe/Berlin)"),
    SignatureLine(
        "CMO",
        "Robin Maximiliane Fieldhouse-Montgomery of the Northern Branch and the Southern Branch " * 2,
        "Vice President of Demand Generation, Europe, Middle East and Africa, and of Brand",
        "21 Nov 2026, 14:06 (America/Argentina/ComodRivadavia)",
        "by delegation of Mo Lindqvist",
    ),
)
IMPRINT = Imprint("Northwind", "Scorecard 1, version 2", "0123456789abcdef" * 4, statement="I have read it.")


def words_of(pdf: bytes) -> str:
    """Its text without any white space, as lines break where they must."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return squeezed("".join(page.extract_text() for page in pages))


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", text)


def left_to_right(text: str) -> str:
    """Without Hebrew and Arabic: their letters stand in another order (and in joined shapes) on paper."""
    return re.sub(r"[\u0590-\u06ff]+", "", text)


def test_every_text_of_the_document_stands_in_the_pdf() -> None:
    found = left_to_right(words_of(make_pdf(EVERYTHING, paper="a4", signatures=OPEN, imprint=IMPRINT)))
    missing = unprintable(EVERYTHING.texts())
    assert missing == {"🙂", "日", "本"}
    for text in EVERYTHING.texts():
        assert squeezed(left_to_right(printed(text, missing))) in found


def test_letters_that_no_font_has_are_named_by_their_code() -> None:
    assert "Tōkyō[U+65E5]" in words_of(make_pdf(Document("Tōkyō 日"), paper="a4"))


def test_every_page_names_document_version_and_digest_and_how_many_there_are() -> None:
    pdf = make_pdf(of_lines(90), paper="us-letter", signatures=OPEN, imprint=IMPRINT)
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        text = squeezed(page.extract_text())
        assert "Scorecard1,version2" in text
        assert "0123456789abcdef" in text and "0123456789abcdef0" not in text
        assert f"Page{number}of{len(pages)}" in text


def test_the_same_document_gives_the_same_bytes() -> None:
    made = {make_pdf(EVERYTHING, paper="a4", signatures=SIGNED, imprint=IMPRINT) for _ in range(3)}
    assert len(made) == 1


def test_paper_is_a4_or_letter_and_nothing_else() -> None:
    for paper, size in (("a4", (595, 842)), ("us-letter", (612, 792))):
        box = pypdf.PdfReader(io.BytesIO(make_pdf(EVERYTHING, paper=paper))).pages[0].mediabox
        assert (round(box.width), round(box.height)) == size
    with pytest.raises(ValueError, match="no paper"):
        make_pdf(EVERYTHING, paper="a3")


def test_who_signed_stands_there_with_time_zone_and_delegation_and_who_has_not_as_well() -> None:
    half = words_of(make_pdf(EVERYTHING, paper="a4", signatures=(SIGNED[0], OPEN[1])))
    assert "SamOkafor" in half and "ChiefRevenueOfficer" in half
    assert "Signed21Nov2026,14:05(Europe/Berlin)" in half
    assert half.count("notsignedyet") == 1
    whole = words_of(make_pdf(EVERYTHING, paper="a4", signatures=SIGNED))
    assert "bydelegationofMoLindqvist" in whole and "notsignedyet" not in whole


def test_drafts_are_marked_as_such() -> None:
    assert "DRAFT" in words_of(make_pdf(EVERYTHING, paper="a4", imprint=Imprint(mark="DRAFT")))
    assert "DRAFT" not in words_of(make_pdf(EVERYTHING, paper="a4"))


@pytest.mark.parametrize("paper", ["a4", "us-letter"])
def test_signing_never_moves_a_page_break(paper: str) -> None:
    """However long names are: the room was there when the document was sent."""
    for lines in range(20, 60, 3):
        document = of_lines(lines)
        assert pages_of(document, paper, signatures=OPEN) == pages_of(
            document, paper, signatures=SIGNED, imprint=Imprint("N" * 300, "L" * 300, "f" * 64)
        )


@pytest.mark.parametrize("signatures", [(), OPEN, (*OPEN, SignatureLine("Finance"))])
@pytest.mark.parametrize("limit", [1, 2])
def test_filled_to_the_last_line_it_passes_and_one_line_more_is_named(
    limit: int, signatures: tuple[SignatureLine, ...]
) -> None:
    fits = max(n for n in range(1, 130) if pages_of(of_lines(n), "a4", signatures=signatures) <= limit)
    assert overflow(of_lines(fits), "a4", limit, signatures=signatures) is None
    said = overflow(of_lines(fits + 1), "a4", limit, signatures=signatures)
    assert said is not None and f"takes {limit + 1} pages" in said and "of A4" in said
    named = (
        "the place for the signatures" if signatures else f"the paragraph “Line {fits + 1}.” under “Terms”"
    )
    assert named in said


@pytest.mark.parametrize(
    ("block", "named"),
    [
        (Bullets(("first", "second") * 40), "the list that begins with “first” under “Terms”"),
        (Facts((("Owner", "Avery"),) * 60), "the facts that begin with “Owner”"),
        (Table(("Metric", "Target"), (("a", "b"),) * 60), "the table “Metric, Target”"),
        (Paragraph("word " * 900), "the paragraph “word word word"),
        (Scores((Score("Trust", 27, "fracture"),) * 60), "the scores that begin with “Trust”"),
    ],
)
def test_what_does_not_fit_is_named_whatever_it_is(
    block: Bullets | Facts | Table | Paragraph | Scores, named: str
) -> None:
    before = of_lines(10)
    document = Document(before.title, blocks=(*before.blocks, block, Paragraph("After it.")))
    assert named in (overflow(document, "a4", 1) or "")


def test_empty_blocks_take_part_without_an_error() -> None:
    document = Document("", blocks=(Bullets(()), Facts(()), Table((), ()), Scores(()), Paragraph("")))
    assert pages_of(document, "a4") == 1
    assert make_pdf(document, paper="a4").startswith(b"%PDF")
    columns = Document("No rows yet", blocks=(Table(("Metric", "Target"), (), caption="Targets"),))
    assert pages_of(columns, "a4") == 1
    assert "TargetsMetricTarget" in words_of(make_pdf(columns, paper="a4"))
