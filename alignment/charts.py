"""Drawings made on the server: SVG with presentation attributes only, the same on page, print and in a PDF.

The content security policy blocks style attributes, so colours stand as `fill` and `stroke`; the classes let
app.css adapt them to dark pages. Colour never stands alone: missed is hatched, running is dotted, values are
written, and `<desc>` says every number. All text is escaped; the results are safe to put into a template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.utils.html import format_html
from django.utils.safestring import SafeString

from alignment import svg
from alignment.svg import HEIGHT, WIDTH
from alignment.wording import truncated_share

LEFT, RIGHT, TOP, BOTTOM = 54, 12, 34, 30
GREEN, RED, GREY, BLUE, AMBER = "#157347", "#b02a37", "#7c8696", "#0b5cad", "#8a5a00"


@dataclass(frozen=True)
class WeekBar:
    """Clocks that fell due in one week: kept, missed, not yet known. `label` stands under the bar."""

    label: str
    met: int
    missed: int
    running: int = 0

    @property
    def total(self) -> int:
        return self.met + self.missed + self.running

    @property
    def words(self) -> str:
        known = truncated_share(self.met, self.met + self.missed)
        running = f", {self.running:,} running" if self.running else ""
        return f"{self.label}: {known}, {self.missed:,} missed{running}"


@dataclass(frozen=True)
class WonBar:
    """MQLs of one quarter: those that were won, and the others. `label` stands under the bar."""

    label: str
    won: int
    other: int

    @property
    def total(self) -> int:
        return self.won + self.other

    @property
    def words(self) -> str:
        return f"{self.label}: {self.total:,} MQLs, {self.won:,} won"


Part = tuple[int, str, str, str]  # count, class, colour, pattern or nothing


def weeks(bars: Sequence[WeekBar], *, title: str, desc: str = "") -> SafeString:
    """Stacked bars, oldest first: met below, missed above it (hatched), running on top (dotted)."""
    key = svg.key_of("weeks", title, *(bar.words for bar in bars))
    legend = [("met", "c-met", GREEN, ""), ("missed", "c-missed", RED, f"{key}-hatch")]
    if any(bar.running for bar in bars):
        legend.append(("running", "c-running", GREY, f"{key}-dots"))
    columns: list[tuple[str, str, list[Part]]] = [
        (
            bar.label,
            bar.words,
            [
                (bar.met, "c-met", GREEN, ""),
                (bar.missed, "c-missed", RED, f"{key}-hatch"),
                (bar.running, "c-running", GREY, f"{key}-dots"),
            ],
        )
        for bar in bars
    ]
    return _stacked(columns, key=key, legend=legend, title=title, desc=desc)


def quarters(bars: Sequence[WonBar], *, title: str, desc: str = "") -> SafeString:
    """Stacked bars of MQLs, oldest first: won below, the others above them (dotted)."""
    key = svg.key_of("quarters", title, *(bar.words for bar in bars))
    columns: list[tuple[str, str, list[Part]]] = [
        (
            bar.label,
            bar.words,
            [(bar.won, "c-line-fill", BLUE, ""), (bar.other, "c-running", GREY, f"{key}-dots")],
        )
        for bar in bars
    ]
    legend = [("won", "c-line-fill", BLUE, ""), ("not won", "c-running", GREY, f"{key}-dots")]
    return _stacked(columns, key=key, legend=legend, title=title, desc=desc)


def _stacked(
    columns: Sequence[tuple[str, str, Sequence[Part]]],
    *,
    key: str,
    legend: Sequence[tuple[str, str, str, str]],
    title: str,
    desc: str,
) -> SafeString:
    """Columns of parts from below, each with its label and its words."""
    totals = [sum(part[0] for part in parts) for _, _, parts in columns]
    top, step = _scale(max(totals, default=0))
    height = HEIGHT - TOP - BOTTOM
    slot = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    wide = min(slot * 0.62, 46)
    drawn: list[SafeString] = []
    every = -(-len(columns) // 9)  # at most nine labels, else they run into each other
    for number, (label, words, stack) in enumerate(columns):
        x = LEFT + slot * number + (slot - wide) / 2
        y = float(HEIGHT - BOTTOM)
        parts: list[SafeString] = []
        for count, css, colour, pattern in stack:
            tall = count / top * height
            y -= tall
            if count:
                parts.append(svg.rect(x, y, wide, tall, css, colour))
                if pattern:
                    parts.append(svg.rect(x, y, wide, tall, "", f"url(#{pattern})"))
        if not totals[number]:
            parts.append(svg.text(x + wide / 2, y - 6, "–", anchor="middle", css="c-quiet"))
        drawn.append(format_html("<g><title>{}</title>{}</g>", words, svg.joined(parts)))
        css = _label_css(len(columns) - 1 - number, every, slot)
        if css:
            drawn.append(svg.text(x + wide / 2, HEIGHT - 8, label, anchor="middle", css=css))
    said = [desc] * bool(desc) + [words for _, words, _ in columns]
    return svg.drawing(title, said, [svg.patterns(key), _legend(legend), _grid(top, step), *drawn])


def bars(values: Sequence[tuple[str, int]], *, title: str, desc: str = "") -> SafeString:
    """Lying bars, each under its name with its count behind it; the order is the caller's."""
    most = max((count for _, count in values), default=0) or 1
    row, room = 46, 70
    height = max(row * len(values), row) + 4
    drawn: list[SafeString] = []
    for number, (name, count) in enumerate(values):
        y = row * number
        length = max(count / most * (WIDTH - room), 1)
        drawn.append(svg.text(0, y + 18, _shortened(name)))
        drawn.append(svg.rect(0, y + 25, length, 16, "c-line-fill", BLUE))
        drawn.append(svg.text(length + 8, y + 39, f"{count:,}"))
    words = [desc] * bool(desc) + [f"{name}: {count:,}" for name, count in values]
    return svg.drawing(title, words, drawn, height=height)


def line(
    points: Sequence[tuple[str, Fraction | None]],
    *,
    title: str,
    threshold: Fraction | None = None,
    desc: str = "",
) -> SafeString:
    """Rates from 0 to 1 over time, oldest first; None leaves a gap. The threshold is a dashed, named line."""
    height = 150
    inner = height - 20 - BOTTOM
    slot = (WIDTH - LEFT - RIGHT) / max(len(points) - 1, 1)

    def at(number: int, rate: Fraction) -> tuple[float, float]:
        return LEFT + slot * number, 20 + inner * (1 - float(rate))

    drawn: list[SafeString] = []
    for mark in (0, 50, 100):
        y = 20 + inner * (1 - mark / 100)
        drawn.append(svg.rule(LEFT, y, WIDTH - RIGHT, y, "c-grid", "#d5dae1"))
        drawn.append(svg.text(LEFT - 6, y + 5, f"{mark}%", anchor="end", css="c-quiet"))
    if threshold is not None:
        y = 20 + inner * (1 - float(threshold))
        drawn.append(svg.rule(LEFT, y, WIDTH - RIGHT, y, "c-threshold", AMBER, dash="6 4"))
        drawn.append(
            svg.text(
                WIDTH - RIGHT, y + 18, f"limit {_percent(threshold)}", anchor="end", css="c-threshold-text"
            )
        )
    for run in _runs(points):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(number, rate) for number, rate in run))
        drawn.append(
            format_html(
                '<polyline class="c-line" points="{}" fill="none" stroke="{}" stroke-width="2.5"/>',
                path,
                BLUE,
            )
        )
    words = [desc] * bool(desc)
    every = -(-len(points) // 6)  # the first label leans towards the second: half the room of bars
    for number, (label, rate) in enumerate(points):
        said = f"{label}: {_percent(rate) if rate is not None else 'no data'}"
        words.append(said)
        if rate is not None:
            x, y = at(number, rate)
            drawn.append(
                format_html(
                    '<circle class="c-dot" cx="{}" cy="{}" r="4" fill="{}"><title>{}</title></circle>',
                    f"{x:.1f}",
                    f"{y:.1f}",
                    BLUE,
                    said,
                )
            )
        css = _label_css(len(points) - 1 - number, every, slot * 0.8)  # the outer labels lean inwards
        if css:
            anchor = "start" if number == 0 else "end" if number == len(points) - 1 else "middle"
            drawn.append(svg.text(LEFT + slot * number, height - 8, label, anchor=anchor, css=css))
    if threshold is not None:
        words.append(f"Limit: {_percent(threshold)}")
    return svg.drawing(title, words, drawn, height=height)


def meter(met: int, total: int, *, title: str, threshold: Fraction | None = None) -> SafeString:
    """One lying bar of a share, with the limit as a mark; green only when the share is above the limit."""
    rate = Fraction(met, total) if total > 0 else Fraction(0)
    is_good = threshold is None or (total > 0 and rate > threshold)
    key = svg.key_of("meter", title, str(met), str(total))
    css, colour = ("c-met", GREEN) if is_good else ("c-missed", RED)
    length = float(rate) * WIDTH
    drawn = [svg.patterns(key), svg.rect(0, 6, WIDTH, 16, "c-track", "#eceef1")]
    if length:
        drawn.append(svg.rect(0, 6, length, 16, css, colour))
        if not is_good:
            drawn.append(svg.rect(0, 6, length, 16, "", f"url(#{key}-hatch)"))
    words = [truncated_share(met, total)]
    if threshold is not None:
        x = float(threshold) * WIDTH
        drawn.append(svg.rule(x, 0, x, 28, "c-mark", "currentColor", thick=3))
        words.append(f"Limit: above {_percent(threshold)}")
    return svg.drawing(title, words, drawn, height=28)


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def heat(counts: Sequence[Sequence[int]], open_minutes: Sequence[Sequence[int]], *, title: str) -> SafeString:
    """A week of hours, Monday first: the darker the more; what is open has a frame, and every count a tooltip.

    `counts[weekday][hour]`; `open_minutes` likewise, 0 to 60."""
    most = max((count for day in counts for count in day), default=0)
    left, row = 44, 28
    wide = (WIDTH - left) / 24
    drawn: list[SafeString] = []
    words: list[str] = []
    for weekday, name in enumerate(WEEKDAYS):
        y = 22 + row * weekday
        drawn.append(svg.text(left - 8, y + 18, name, anchor="end", css="c-quiet"))
        for hour in range(24):
            count, minutes = counts[weekday][hour], open_minutes[weekday][hour]
            step = 0 if not count else 1 + min(3, 4 * (count - 1) // most)
            said = f"{name} {hour:02}:00: {count:,} MQLs, {_opening(minutes)}"
            x = left + wide * hour
            cell = [svg.rect(x + 1, y + 1, wide - 2, row - 2, f"c-heat-{step}", HEAT[step])]
            if minutes:
                length = (wide - 4) * minutes / 60
                cell.append(svg.rect(x + 2, y + row - 5, length, 3, "c-open", AMBER))
            drawn.append(format_html("<g><title>{}</title>{}</g>", said, svg.joined(cell)))
        words.append(f"{name}: {sum(counts[weekday]):,} MQLs")
    for hour in range(0, 24, 3):
        drawn.append(svg.text(left + wide * hour, 14, f"{hour:02}", css="c-quiet"))
    return svg.drawing(title, words, drawn, height=22 + row * 7 + 4)


HEAT = ("#eceef1", "#c5dcf2", "#85b4e0", "#3d83c4", "#0b4c8f")


def _opening(minutes: int) -> str:
    return "closed" if not minutes else "open" if minutes == 60 else f"open for {minutes} minutes"


# --- parts that several drawings share ------------------------------------------------------------------


def _label_css(from_last: int, every: int, slot: float) -> str:
    """Classes of a label counted from the newest; empty: none there. Phones leave out every second, where near."""
    if from_last % every:
        return ""
    return "c-quiet c-sparse" if from_last // every % 2 and slot * every < 76 else "c-quiet"


def _legend(entries: Sequence[tuple[str, str, str, str]]) -> SafeString:
    drawn: list[SafeString] = []
    x = float(LEFT)
    for name, css, colour, pattern in entries:
        drawn.append(svg.rect(x, 4, 14, 14, css, colour))
        if pattern:
            drawn.append(svg.rect(x, 4, 14, 14, "", f"url(#{pattern})"))
        drawn.append(svg.text(x + 20, 16, name))
        x += 20 + 11 * len(name) + 24  # also where phones draw letters larger
    return svg.joined(drawn)


def _grid(top: int, step: int) -> SafeString:
    drawn: list[SafeString] = []
    for value in range(0, top + 1, step):
        y = HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
        drawn.append(svg.rule(LEFT, y, WIDTH - RIGHT, y, "c-grid", "#d5dae1"))
        drawn.append(svg.text(LEFT - 6, y + 5, f"{value:,}", anchor="end", css="c-quiet"))
    return svg.joined(drawn)


def _scale(most: int) -> tuple[int, int]:
    """(top, step) of an axis from 0 for whole numbers: at most five steps of 1, 2 or 5 × a power of ten."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if most <= factor * step * 5:
                return max(-(-most // (factor * step)), 1) * factor * step, factor * step
        step *= 10


def _runs(points: Sequence[tuple[str, Fraction | None]]) -> list[list[tuple[int, Fraction]]]:
    """The stretches without a gap."""
    found: list[list[tuple[int, Fraction]]] = [[]]
    for number, (_, rate) in enumerate(points):
        if rate is not None:
            found[-1].append((number, rate))
        elif found[-1]:
            found.append([])
    return [run for run in found if len(run) > 1]


def _percent(rate: Fraction) -> str:
    tenths = rate.numerator * 1000 // rate.denominator
    return f"{tenths // 10}%" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}%"


def _shortened(name: str, most: int = 48) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
