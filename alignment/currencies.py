"""Amounts of money: how many decimals a currency has (ISO 4217), and its whole minor units.

A record's amount and its currency may reach us in different messages. So a fact states an amount without regard to its
currency: hundredths of the major unit as a whole number, and what hundredths cannot say as text, "1.234". What it is in
minor units (yen, cents, fils) is known once both are folded.
"""

from __future__ import annotations

from decimal import Context, Decimal

Stated = int | str
USUAL = 2
_BY_DIGITS = (
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
)
_DIGITS = {code: digits for digits, codes in _BY_DIGITS for code in codes.split()}
MOST = max(_DIGITS.values())
LARGEST = 2**63 - 1  # of a bigint
# Of ISO 4217, money in use: no metals, no units of account, no codes for testing.
_IN_USE = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
    LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP
    PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
    TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
# Replaced within the years that histories reach back to.
_REPLACED = "BYR CUC EEK GHC HRK LTL LVL MRO MZM ROL SKK SLL STD TMM TRL VEB VEF ZMK ZWL"
KNOWN = frozenset(f"{_IN_USE} {_REPLACED}".split())
_CALLED = {
    "euro": "EUR", "euros": "EUR", "€": "EUR", "eur.": "EUR", "dollar": "USD", "dollars": "USD", "us dollar": "USD",
    "us-dollar": "USD", "us$": "USD", "$": "USD", "pound": "GBP", "pounds": "GBP", "pound sterling": "GBP",
    "pfund": "GBP", "£": "GBP", "franken": "CHF", "sfr": "CHF", "sfr.": "CHF", "swiss franc": "CHF", "fr.": "CHF",
    "yen": "JPY", "rmb": "CNY", "yuan": "CNY", "zloty": "PLN", "rupee": "INR",
}  # fmt: skip
_EXACT = Context(prec=80)
_WORDS = {
    0: "no decimals",
    2: "at most two decimals",
    3: "at most three decimals",
    4: "at most four decimals",
}


class DoesNotFit(ValueError):
    """The currency has fewer decimals than the amount, or the amount is too large."""


class UnknownCurrency(ValueError):
    """It is no code of ISO 4217; the message says what to write."""


def code_of(written: str) -> str:
    """The code of ISO 4217 that is written, in capitals. Raises UnknownCurrency."""
    code = written.strip().upper()
    if code in KNOWN:
        return code
    meant = _CALLED.get(written.strip().lower())
    wanted = f"write {meant}" if meant else "write its three letters, such as EUR"
    raise UnknownCurrency(f"“{written[:40]}” is no code of a currency: {wanted}")


def digits_of(currency: str) -> int:
    """How many decimals amounts in this currency have, by its code in any case; two where it is not known."""
    return _DIGITS.get(currency.upper(), USUAL)


def codes_by_digits() -> tuple[tuple[int, list[str]], ...]:
    """Currencies whose amounts have other than two decimals, by how many."""
    return tuple((digits, codes.split()) for digits, codes in _BY_DIGITS)


def stated(amount: Decimal) -> Stated:
    """An amount in major units as facts state it. Raises DoesNotFit for decimals that no currency has."""
    if len(amount.as_tuple().digits) > _EXACT.prec - MOST:
        raise DoesNotFit("an amount has fewer digits")
    hundredths = _scaled(amount, USUAL)
    if hundredths == int(hundredths):
        return int(hundredths)
    if (least := _scaled(amount, MOST)) != int(least):
        raise DoesNotFit(f"an amount has {_WORDS[MOST]}")
    return f"{amount:f}".rstrip("0")


def major(amount: Stated) -> Decimal:
    """What a fact states, in major units."""
    return Decimal(amount) if isinstance(amount, str) else _scaled(Decimal(amount), -USUAL)


def minor_units(amount: Stated | None, currency: str) -> int | None:
    """What a fact states in whole minor units of the currency; None where it is not whole in them, or too large.

    Nothing is rounded: that 12.5 is no amount of yen shows that amount or currency is not what was meant.
    """
    if amount is None:
        return None
    found = _scaled(major(amount), digits_of(currency))
    return int(found) if found == int(found) and abs(found) <= LARGEST else None


def require_fit(amount: Stated, currency: str) -> None:
    """Raises DoesNotFit, in words that say what the currency has."""
    if minor_units(amount, currency) is not None:
        return
    digits = digits_of(currency)
    if abs(_scaled(major(amount), digits)) > LARGEST:
        raise DoesNotFit(f"“{in_digits(amount)}” is too large for an amount")
    if currency:
        raise DoesNotFit(
            f"“{in_digits(amount)}” is no amount in {currency.upper()}, which has {_WORDS[digits]}"
        )
    raise DoesNotFit(
        f"“{in_digits(amount)}” is not an amount with at most two decimals; state a currency that has more beside it"
    )


def in_digits(amount: Stated, currency: str = "") -> str:
    """What a fact states as people read it, with the decimals that the currency has: 1,234.50, 5,000, 1.234."""
    value = major(amount)
    shown = value.as_tuple().exponent
    own = -shown if isinstance(shown, int) and isinstance(amount, str) else 0
    digits = max(digits_of(currency), own)
    return f"{value:,.{digits}f}" if _scaled(value, digits) == int(_scaled(value, digits)) else f"{value:,}"


def in_minor_units(fields: str, currency: str) -> str:
    """SQL: `minor_units` of the amount in `fields`, a jsonb, in the currency that the text `currency` names."""
    whens = " ".join(
        f"WHEN upper({currency}) = ANY (string_to_array('{codes}', ' ')) THEN {10**digits}"
        for digits, codes in _BY_DIGITS
    )
    amount = f"({fields}->>'amount')::numeric"
    value = f"(CASE jsonb_typeof({fields}->'amount') WHEN 'string' THEN {amount} ELSE {amount} * 0.01 END)"
    found = f"({value} * CASE {whens} ELSE {10**USUAL} END)"
    return f"CASE WHEN {found} = trunc({found}) AND abs({found}) <= {LARGEST} THEN trunc({found})::bigint END"


def _scaled(amount: Decimal, digits: int) -> Decimal:
    return _EXACT.scaleb(amount, digits)
