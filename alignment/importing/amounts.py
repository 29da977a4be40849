"""Numbers and amounts as people write them: grouping, decimal sign, currency, negative in brackets.

The mapping states the decimal sign; a number that contradicts it is refused, since 1.234 is a thousand times more in
one country than in the other.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from alignment.importing.problems import BadCell

_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))
# sign, bracket, currency before, digits, currency after, sign, bracket; blanks between them
_AMOUNT = re.compile(
    r"(?P<open>\()? *(?P<minus>[-\u2212+])? *(?P<before>[A-Za-z]{3}|(?:[A-Z]{1,2})? *[$€£¥₹])? *"
    r"(?P<inner>[-\u2212+])? *(?P<number>[0-9.,'’](?:[0-9.,'’ ]*[0-9.,'’])?(?:[eE][+-]?[0-9]{1,2})?) *"
    r"(?P<after>[A-Za-z]{3}|[$€£¥₹])? *(?P<trailing>[-\u2212])? *(?P<close>\))?"
)
_MAX_LENGTH = 64
_MINUS = {"-", "\u2212"}
# What a sign may stand for; a dollar sign may stand for many, but for none of these.
_SIGNS = {"€": {"EUR"}, "£": {"GBP"}, "¥": {"JPY", "CNY"}, "₹": {"INR"}}
_NO_DOLLARS = {"EUR", "GBP", "JPY", "CNY", "INR", "CHF"}


class Amount(NamedTuple):
    """Digits with a point for decimals, and the sign or code of currency that stood beside them."""

    number: str
    currency: str

    def fits(self, code: str) -> bool:
        """Whether the currency written in the cell may be `code` (three capitals)."""
        if not self.currency or self.currency == code:
            return True
        if self.currency[-1] == "$":
            return code not in _NO_DOLLARS
        return code in _SIGNS.get(self.currency, ())

    @property
    def code(self) -> str:
        """The currency where the cell leaves no doubt about it; a dollar or yen sign does."""
        if len(self.currency) == 3 and self.currency.isalpha():
            return self.currency
        known = _SIGNS.get(self.currency, set())
        return next(iter(known)) if len(known) == 1 else ""


class Numbers:
    """Reads numbers of one file, whose decimal sign is `decimal`: a point or a comma."""

    def __init__(self, decimal: str) -> None:
        self.decimal = decimal
        sign, group = (r"\.", ",") if decimal == "." else (",", r"\.")
        self._plain = re.compile(
            rf"(?:[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}"
            r"|[0-9]{1,3}(?:(?:['’][0-9]{3})+|(?: [0-9]{3})+))"
            rf"(?:{sign}[0-9]*)?(?:[eE][+-]?[0-9]{{1,2}})?|{sign}[0-9]+"
        )
        self._grouping = str.maketrans("", "", ",'’ " if decimal == "." else ".'’ ")

    def plain(self, cell: str) -> str:
        """Digits with a point for decimals, without grouping; a minus before. Raises BadCell."""
        found = self.amount(cell)
        if found.currency:
            raise BadCell("bad_number", f"“{cell[:40]}” is not a number")
        return found.number

    def amount(self, cell: str) -> Amount:
        """Raises BadCell."""
        parts = _AMOUNT.fullmatch(cell.translate(_SPACES)) if len(cell) <= _MAX_LENGTH else None
        if (
            parts is None
            or bool(parts["open"]) != bool(parts["close"])
            or (parts["before"] and parts["after"])
        ):
            raise BadCell("bad_number", f"“{cell[:40]}” is not a number")
        number = parts["number"]
        if not self._plain.fullmatch(number):
            raise BadCell(
                "bad_number",
                f"“{cell[:40]}” is not a number with the decimal sign “{self.decimal}”, which the mapping states",
            )
        number = number.translate(self._grouping).replace(",", ".")
        signs = [parts[name] for name in ("open", "minus", "inner", "trailing") if parts[name]]
        if len(signs) > 1:
            raise BadCell("bad_number", f"“{cell[:40]}” is not a number")
        is_negative = bool(signs) and (signs[0] in _MINUS or signs[0] == "(")
        currency = (parts["before"] or parts["after"] or "").replace(" ", "").upper()
        return Amount("-" + number if is_negative else number, currency)
