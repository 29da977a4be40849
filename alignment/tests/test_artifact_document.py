"""A document on the page: the same words as in its PDF, and nothing of them read as markup."""

from __future__ import annotations

import html
import re
from typing import get_args

from django.template.loader import render_to_string

from alignment.artifacts.document import Block, Document
from alignment.tests.documents import EVERYTHING
from alignment.tests.test_artifact_pdf import squeezed


def page_of(document: Document) -> str:
    return render_to_string("artifacts/_document.html", {"document": document})


def words_of(page: str) -> str:
    return squeezed(html.unescape(re.sub(r"<[^>]*>", "", page)))


def test_every_kind_of_block_is_in_the_document_that_is_tested() -> None:
    assert {type(block) for block in EVERYTHING.blocks} == set(get_args(Block))


def test_every_text_of_the_document_stands_on_the_page_in_order() -> None:
    words, at = words_of(page_of(EVERYTHING)), 0
    for text in EVERYTHING.texts():
        found = words.find(squeezed(text), at)
        assert found >= 0, text
        at = found + len(squeezed(text))


def test_what_people_wrote_is_never_markup() -> None:
    page = page_of(EVERYTHING)
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert "&amp;amp;" in page


def test_the_bar_of_a_score_is_as_long_as_the_score_and_empty_without_one() -> None:
    widths = re.findall(r'paper-bar-part" width="([0-9]+)"', page_of(EVERYTHING))
    assert widths == ["54", "0", "100"]
