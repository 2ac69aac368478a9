"""The colours of every chart and page, in one place.

Belongs here: named colours, ramps of ordered shades, and which text colour is readable on them. Does not
belong here: which data get which colour in a particular chart, and any words.

References
----------
Tol, P. (2021). *Colour Schemes*. SRON/EPS/TN/09-002, issue 3.2 (the "bright" scheme, safe under colour-vision
deficiency).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PILLARS: Mapping[str, str] = MappingProxyType(
    {
        "governance": "#4477AA",
        "branding": "#66CCEE",
        "economy": "#228833",
        "living": "#CCBB44",
        "society": "#EE6677",
        "environment": "#AA3377",
    }
)
"""One colour for each pillar, in the order in which pillars are always listed (Tol, bright)."""

NO_DATA = "#BBBBBB"
"""Stripes of the hatching that stands for missing data."""

ACCENT = "#004488"
"""The region, or the group, that a chart is about (Tol, high-contrast blue)."""

CONTRAST = "#BB5566"
"""A second group beside `ACCENT`, apart from it in lightness too (Tol, high-contrast red)."""

PEERS = "#7A858C"
"""Lines and text of peers and of everything that is only there for comparison."""

NOT_JOINED = "#E4E7E9"
"""A known absence, such as a region outside the programme: plain grey, never the hatching of missing data."""

BANDS: tuple[str, ...] = ("#D9E7F3", "#A6C8E4", "#689FCC", "#2B70AC", "#08427C")
"""Five shades of one hue for ordered values, lowest to highest."""

INK = "#1B2733"
PAPER = "#FFFFFF"

SRGB_KNEE = 0.04045
"""Value below which the sRGB transfer curve is linear (IEC 61966-2-1)."""


def channels(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue of a ``#RRGGBB`` colour, each from 0 to 1."""
    return tuple(int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))  # type: ignore[return-value]


def linear(channel: float) -> float:
    """Return the light intensity of one sRGB channel, both from 0 to 1."""
    return channel / 12.92 if channel <= SRGB_KNEE else ((channel + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, 0 (black) to 1 (white), as WCAG 2 defines it."""
    red, green, blue = (linear(channel) for channel in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21, as WCAG 2 defines it."""
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(background: str) -> str:
    """Return the text colour, ink or paper, that reads better on a background."""
    return max((INK, PAPER), key=lambda text: contrast(text, background))


def blend(first: str, second: str, share: float) -> str:
    """Return the colour that lies `share` (0 to 1) of the way from the first colour to the second."""
    mixed = (
        round(255 * (start + share * (end - start)))
        for start, end in zip(channels(first), channels(second), strict=True)
    )
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def shades(count: int) -> tuple[str, ...]:
    """Return `count` shades of the one hue for ordered values, lowest first, interpolated between `BANDS`."""
    if count == 1:
        return (BANDS[-1],)
    steps = [position * (len(BANDS) - 1) / (count - 1) for position in range(count)]
    floors = [min(int(step), len(BANDS) - 2) for step in steps]
    return tuple(
        blend(BANDS[floor], BANDS[floor + 1], step - floor) for step, floor in zip(steps, floors, strict=True)
    )
