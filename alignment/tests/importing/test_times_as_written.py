"""Times come out in UTC or are refused with what to write; nothing about zone or order is guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.importing.problems import BadCell
from alignment.importing.times import Clock
from alignment.tests.importing.support import mapping_of, rejects

BERLIN = ZoneInfo("Europe/Berlin")
READ = [
    ("iso", "2024-03-12", "2024-03-11T23:00:00+00:00"),
    ("iso", "2024-03-12T09:14:00Z", "2024-03-12T09:14:00+00:00"),
    ("iso", "2024-03-12T09:14:00.000+0000", "2024-03-12T09:14:00+00:00"),
    ("iso", "2024-03-12 09:14:00 +01:00", "2024-03-12T08:14:00+00:00"),
    ("iso", "2024-03-12T09:14:00-0530", "2024-03-12T14:44:00+00:00"),
    ("iso", "2024-03-12 09:14", "2024-03-12T08:14:00+00:00"),
    ("iso", "2024-03-12 09:14:05.25", "2024-03-12T08:14:05.250000+00:00"),
    ("iso", "2024/3/2 9:14", "2024-03-02T08:14:00+00:00"),
    ("iso", "1710234840000", "2024-03-12T09:14:00+00:00"),
    ("mdy", "3/12/2024", "2024-03-11T23:00:00+00:00"),
    ("mdy", "3/12/2024, 12:14 AM", "2024-03-11T23:14:00+00:00"),
    ("mdy", "3/12/2024 12:14 p.m.", "2024-03-12T11:14:00+00:00"),
    ("mdy", "03/12/2024 9:14:05\u202fPM", "2024-03-12T20:14:05+00:00"),
    ("mdy", "7/12/2024 09:14 UTC", "2024-07-12T09:14:00+00:00"),
    ("mdy", "2024-03-12 09:14", "2024-03-12T08:14:00+00:00"),
    ("dmy", "12.3.2024", "2024-03-11T23:00:00+00:00"),
    ("dmy", "12. 3. 2024 9:14", "2024-03-12T08:14:00+00:00"),
    ("dmy", "12-03-2024 21:14", "2024-03-12T20:14:00+00:00"),
    ("dmy", "12/03/2024 9:14 pm", "2024-03-12T20:14:00+00:00"),
    ("dmy", "29.02.2024", "2024-02-28T23:00:00+00:00"),
]
REFUSED = [
    ("iso", "12.03.2024", "does not start with its year"),
    ("iso", "2024-02-30", "exist"),
    ("iso", "2024-03-12 25:00", "exist"),
    ("iso", "2024-03-12T24:00", "exist"),
    ("iso", "20240312", "not a date"),
    ("iso", "2024-03-12X09:14", "not a date"),
    ("iso", "1710234840", "not a date"),  # seconds, or a number of another kind
    ("iso", "soon", "not a date or time; write 2024-03-12 09:14"),
    ("iso", "1024-03-12", "believable"),
    ("iso", "9999-12-31T23:59-14:00", "believable"),
    ("iso", "0001-01-01T00:00+14:00", "believable"),
    ("iso", "9" * 13, "believable"),
    ("iso", "2" * 5000, "a text is no date"),
    ("mdy", "25/03/2024", "no month 25; the mapping says month/day/year"),
    ("dmy", "03/25/2024", "no month 25; the mapping says day.month.year"),
    ("mdy", "2/30/2024", "exist"),
    ("mdy", "3/12/24", "four digits"),
    ("mdy", "3/12-2024", "not a date"),
    ("mdy", "3/12/2024 13:14 PM", "1 to 12"),
    ("mdy", "3/12/2024 0:14 AM", "1 to 12"),
    ("mdy", "3/12/2024 PM", "not a date"),
    ("mdy", "٣/١٢/٢٠٢٤", "not a date"),
]


@pytest.mark.parametrize(("order", "cell", "wanted"), READ)
def test_read(order: str, cell: str, wanted: str) -> None:
    assert Clock(BERLIN, order).instant(cell) == wanted


@pytest.mark.parametrize(("order", "cell", "told"), REFUSED)
def test_refused_with_what_to_write(order: str, cell: str, told: str) -> None:
    for read in (Clock(BERLIN, order).instant, Clock(BERLIN, order).day):
        if read.__name__ == "day" and "believable" in told and cell[:4] in ("9999", "0001"):
            continue
        with pytest.raises(BadCell) as refusal:
            read(cell)
        assert told in str(refusal.value)
        assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("2024-03-31 01:59", "2024-03-31T00:59:00+00:00"),
        ("2024-03-31 02:30", "2024-03-31T01:30:00+00:00"),  # does not exist: read as 3:30
        ("2024-03-31 03:00", "2024-03-31T01:00:00+00:00"),
        ("2024-10-27 02:30", "2024-10-27T00:30:00+00:00"),  # comes twice: the first
        ("2024-10-27 03:00", "2024-10-27T02:00:00+00:00"),
    ],
)
def test_clock_changes(cell: str, wanted: str) -> None:
    assert Clock(BERLIN, "iso").instant(cell) == wanted


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut"])
def test_the_remembered_offset_of_a_day_is_what_zoneinfo_says(zone: str) -> None:
    """Every half hour of years with changes at two, three and at midnight."""
    clock, known = Clock(ZoneInfo(zone), "iso"), ZoneInfo(zone)
    moment = datetime(2017, 1, 1)
    while moment.year < 2019:
        expected = moment.replace(tzinfo=known).astimezone(UTC).isoformat()
        assert clock.instant(moment.isoformat()) == expected
        moment += timedelta(minutes=30)


def test_a_time_without_offset_needs_a_stated_zone() -> None:
    clock = Clock(None, "iso")
    assert clock.instant("2024-03-12T09:14+02:00") == "2024-03-12T07:14:00+00:00"
    assert clock.day("2024-03-12") == "2024-03-12"
    with pytest.raises(BadCell) as refusal:
        clock.instant("2024-03-12 09:14")
    assert refusal.value.code == "no_zone" and '"zone": "Europe/Berlin"' in str(refusal.value)


def test_a_day_is_the_day_that_is_written() -> None:
    clock = Clock(ZoneInfo("America/New_York"), "mdy")
    assert clock.day("2024-03-12T23:30:00Z") == "2024-03-12"
    assert clock.day("3/12/2024 11:59 PM") == "2024-03-12"
    assert clock.day("1710201600000") == "2024-03-12"  # midnight in UTC is how HubSpot writes a day
    assert clock.day("1710203400000") == "2024-03-11"  # any other is a time, still evening in New York


def test_rows_that_contradict_the_stated_order_are_rejected() -> None:
    document = {
        "object": "lead",
        "columns": {"external_id": "id", "mql_at": "MQL Date"},
        "zone": "UTC",
        "dates": "mdy",
    }
    (reject,) = rejects("id,MQL Date\n1,3/12/2024\n2,25/3/2024\n3,3/13/2024\n", mapping_of(document))
    assert (reject.line, reject.code) == (3, "bad_time")
    assert reject.message.startswith("MQL Date (mql_at): “25/3/2024” has no month 25")


MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 30)).map(
    lambda m: m.replace(microsecond=0, second=0, fold=0)
)
FORMS = {
    "iso": ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M"],
    "dmy": ["%d.%m.%Y %H:%M", "%d/%m/%Y %I:%M %p", "%d-%m-%Y, %H:%M"],
    "mdy": ["%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m-%d-%Y, %I:%M%p"],
}


@given(moment=MOMENTS, order=st.sampled_from(sorted(FORMS)), data=st.data())
def test_a_moment_written_in_any_form_comes_back(moment: datetime, order: str, data: st.DataObject) -> None:
    cell = moment.strftime(data.draw(st.sampled_from(FORMS[order])))
    assert Clock(BERLIN, order).instant(cell) == moment.replace(tzinfo=BERLIN).astimezone(UTC).isoformat()


@given(st.text(max_size=40) | st.text("0123456789/-.: TZ+APM,", max_size=30))
def test_any_other_text_is_refused_by_name(cell: str) -> None:
    for order in FORMS:
        try:
            Clock(BERLIN, order).instant(cell)
        except BadCell:
            continue
