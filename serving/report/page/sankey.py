"""Where things of a flow diagram are: bars of classes before and after, ribbons between them, labels beside them.

Labels never overlap: each bar has a slot at least as tall as its label, and names break into lines of the label
column. Ribbons are in proportion to area; the drawing adds a hairline so that thin ones stay visible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from serving.report.page.cover import Flow

type Side = Literal["before", "after"]
type Labeller = Callable[[Side, int, float], tuple[str, str]]
"""Name and value of a class, by side, code and km2."""

_PARTS: Final = re.compile(r"[^ -]*(?:[ -]|$)(?<=.)")
"""Words with the space or hyphen after them."""
_BESIDE: Final = 7.0
"""Between a label and its bar."""
_WIDE: Final = 0x2E80
"""Letters from here on are as wide as tall (CJK)."""
_INVISIBLE: Final = "\N{LEFT-TO-RIGHT ISOLATE}\N{POP DIRECTIONAL ISOLATE}"
_NARROW_EM: Final = 0.62
"""Width of other letters, in letter heights; on the safe side for DejaVu Sans, the widest common typeface."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Sizes of a drawing, in its own units (CSS pixels at full size).

    Attributes:
        width: of everything.
        label: width of a label column.
        font: height of letters.
        flow: height of all ribbons together.
        bar: width of a bar.
        gap: least distance between slots.
    """

    width: float
    label: float
    font: float
    flow: float
    bar: float = 12
    gap: float = 8

    @property
    def line(self) -> float:
        """Height of a line of text."""
        return 1.3 * self.font


WIDE: Final = Frame(width=860, label=196, font=13, flow=300)
"""For desks and paper."""
NARROW: Final = Frame(width=360, label=104, font=11.5, flow=230, bar=8, gap=6)
"""For telephones."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A class of one year.

    Attributes:
        side: before or after.
        code: the class.
        km2: its area in the drawing.
        x: left edge.
        y: upper edge.
        height: in proportion to area.
        text_x: where lines of the label end (before) or start (after).
        text_y: baseline of each line of the label.
        lines: the label.
        names: how many of the lines are the name.
        top: upper edge of the slot.
        bottom: lower edge of the slot.
    """

    side: Side
    code: int
    km2: float
    x: float
    y: float
    height: float
    text_x: float
    text_y: tuple[float, ...]
    lines: tuple[str, ...]
    names: int
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A flow.

    Attributes:
        flow: the flow.
        x0: edge of the bar before.
        x1: edge of the bar after.
        y0: upper edge before.
        y1: upper edge after.
        thickness: in proportion to area.
    """

    flow: Flow
    x0: float
    x1: float
    y0: float
    y1: float
    thickness: float

    @property
    def path(self) -> str:
        """The outline as an SVG path."""
        x0, x1, y0, y1, t = self.x0, self.x1, self.y0, self.y1, self.thickness
        middle = (x0 + x1) / 2
        down = f"C{middle:.1f} {y0:.2f} {middle:.1f} {y1:.2f} {x1:.1f} {y1:.2f}"
        back = f"C{middle:.1f} {y1 + t:.2f} {middle:.1f} {y0 + t:.2f} {x0:.1f} {y0 + t:.2f}"
        return f"M{x0:.1f} {y0:.2f}{down}V{y1 + t:.2f}{back}Z"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole diagram.

    Attributes:
        frame: its sizes.
        height: of everything.
        bars: all bars.
        ribbons: all ribbons, the unchanged first, so that changes lie above them.
        mirrored: whether before is at the right, as in languages written from there.
    """

    frame: Frame
    height: float
    bars: tuple[Bar, ...]
    ribbons: tuple[Ribbon, ...]
    mirrored: bool


def draw(
    flows: Iterable[Flow],
    codes: Sequence[int],
    frame: Frame,
    *,
    label: Labeller,
    mirrored: bool = False,
) -> Drawing:
    """Lay out a diagram.

    Args:
        flows: the flows; those without area are left out.
        codes: order of the classes from the top.
        frame: sizes.
        label: name and value of a class by side, code and km2.
        mirrored: before at the right.

    Returns:
        The drawing; without flows it has no bars.
    """
    kept = sorted(
        (flow for flow in flows if flow.km2 > 0), key=lambda f: (codes.index(f.initial), codes.index(f.final))
    )
    total = sum(flow.km2 for flow in kept)
    scale = frame.flow / total if total > 0 else 0.0
    columns = [_column(side, kept, codes, frame, scale, label) for side in ("before", "after")]
    height = max((column[-1].bottom for column in columns if column), default=0.0)
    placed = [_centred(column, height) for column in columns]
    ribbons = _ribbons(kept, placed, frame, scale)
    drawing = Drawing(frame, height, (*placed[0], *placed[1]), ribbons, mirrored=False)
    return _mirror(drawing) if mirrored else drawing


def text_width(text: str, font: float) -> float:
    """An upper bound of the width of a text."""
    return font * sum(_em(letter) for letter in text)


def _em(letter: str) -> float:
    if letter in _INVISIBLE:
        return 0.0
    return 1.0 if ord(letter) >= _WIDE else _NARROW_EM


def wrap(text: str, font: float, width: float) -> list[str]:
    """Break a name into lines that fit: at spaces, after hyphens, and within a word only where it must be."""
    lines: list[str] = []
    for word in _PARTS.findall(text):
        joined = (lines[-1] + word) if lines else word
        if lines and text_width(joined.rstrip(), font) <= width:
            lines[-1] = joined
        else:
            lines.extend(_cut(word, font, width))
    return [line.rstrip() for line in lines]


def _cut(word: str, font: float, width: float) -> Iterator[str]:
    """A word too long for a line, between letters."""
    while text_width(word.rstrip(), font) > width:
        fit = max(1, *(i for i in range(len(word)) if text_width(word[:i], font) <= width))
        yield word[:fit]
        word = word[fit:]
    yield word


def _column(
    side: Side,
    flows: Sequence[Flow],
    codes: Sequence[int],
    frame: Frame,
    scale: float,
    label: Labeller,
) -> list[Bar]:
    bars: list[Bar] = []
    y = 0.0
    x = frame.label if side == "before" else frame.width - frame.label - frame.bar
    text_x = frame.label - _BESIDE if side == "before" else frame.width - frame.label + _BESIDE
    for code in codes:
        km2 = sum(flow.km2 for flow in flows if (flow.initial if side == "before" else flow.final) == code)
        if km2 <= 0:
            continue
        name, value = label(side, code, km2)
        names = wrap(name, frame.font, frame.label - _BESIDE)
        lines = (*names, *_value_lines(value, frame))
        height, text = km2 * scale, frame.line * len(lines)
        slot = max(height, text)
        first = y + (slot - text) / 2 + 0.78 * frame.line
        baselines = tuple(first + i * frame.line for i in range(len(lines)))
        bars.append(
            Bar(side, code, km2, x, y + (slot - height) / 2, height, text_x, baselines, lines, len(names), y, y + slot)
        )
        y += slot + frame.gap
    return bars


def _value_lines(value: str, frame: Frame) -> tuple[str, ...]:
    """A value; its unit on a line of its own where both do not fit."""
    number, _, unit = value.rpartition("\N{NO-BREAK SPACE}")
    return (number, unit) if number and text_width(value, frame.font) > frame.label - _BESIDE else (value,)


def _centred(bars: Sequence[Bar], height: float) -> list[Bar]:
    """The shorter column in the middle of the drawing."""
    shift = (height - bars[-1].bottom) / 2 if bars else 0.0
    return [_moved(bar, shift) for bar in bars]


def _moved(bar: Bar, shift: float) -> Bar:
    baselines = tuple(y + shift for y in bar.text_y)
    return replace(bar, y=bar.y + shift, text_y=baselines, top=bar.top + shift, bottom=bar.bottom + shift)


def _ribbons(flows: Sequence[Flow], columns: Sequence[Sequence[Bar]], frame: Frame, scale: float) -> tuple[Ribbon, ...]:
    """Ribbons leave and reach a bar in the order of the classes at their other end."""
    before, after = ({bar.code: bar.y for bar in column} for column in columns)
    x0, x1 = frame.label + frame.bar, frame.width - frame.label - frame.bar
    ribbons = []
    for flow in flows:
        t = flow.km2 * scale
        ribbons.append(Ribbon(flow, x0, x1, before[flow.initial], after[flow.final], t))
        before[flow.initial] += t
        after[flow.final] += t
    return tuple(sorted(ribbons, key=lambda ribbon: (ribbon.flow.is_change, -ribbon.thickness)))


def _mirror(drawing: Drawing) -> Drawing:
    frame = drawing.frame
    bars = tuple(
        replace(bar, x=frame.width - bar.x - frame.bar, text_x=frame.width - bar.text_x) for bar in drawing.bars
    )
    ribbons = tuple(
        replace(ribbon, x0=frame.width - ribbon.x0, x1=frame.width - ribbon.x1) for ribbon in drawing.ribbons
    )
    return replace(drawing, bars=bars, ribbons=ribbons, mirrored=True)
