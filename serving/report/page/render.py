"""The page itself: ``page(data, language)`` gives one HTML file that loads nothing and runs nothing.

Its own Content-Security-Policy allows the style sheet by its hash and pictures from data URIs, and nothing else. A
server that sends a policy of its own takes ``policy(html)``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from landcover.errors import ConfigError
from landcover.legends import get_legend
from serving.report.page import bars, matrix
from serving.report.page.data import PageData
from serving.report.page.diagram import COLORS, UNCHANGED, all_diagrams, changes_diagrams
from serving.report.page.figures import Figures
from serving.report.page.words import words_for

if TYPE_CHECKING:
    from jinja2 import Environment

SHORT_HASH: Final = 12
"""Letters of a digest that are shown; the whole one is its title."""
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def page(data: PageData, language: str = "en") -> str:
    """The page in one language.

    Args:
        data: all that it says.
        language: one of the six languages, with or without a region.

    Returns:
        HTML, UTF-8.

    Raises:
        ConfigError: the language is not one of the six.
    """
    words = words_for(language)
    figures = Figures(words)
    return (
        environment()
        .get_template("report.html")
        .render(
            d=data,
            t=words,
            n=figures,
            classes=get_legend(data.cover.legend_id).classes,
            lines=matrix.lines(data.cover),
            glyph=matrix.glyph,
            flows=changes_diagrams(data.cover, figures),
            all_flows=all_diagrams(data.cover, figures),
            flow_colors=COLORS,
            unchanged_color=UNCHANGED,
            condition_colors=bars.COLORS,
            status_colors={row.code: row.color for row in get_legend("status7").classes},
            bar=bars.pieces(data.headline, mirrored=words.right_to_left),
            style=sheet(),
            policy=policy_for(sheet()),
        )
    )


def policy(html: str) -> str:
    """The Content-Security-Policy header for a page that this module made.

    Raises:
        ConfigError: the text is no such page.
    """
    found = _STYLE.search(html)
    if found is None:
        raise ConfigError("the text is no page of a report: it has no style sheet")
    return f"{policy_for(found.group(1))}; frame-ancestors 'none'"


def policy_for(style: str) -> str:
    """The Content-Security-Policy of a page with this style sheet."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def sheet() -> str:
    """The style sheet of all pages."""
    return files("serving.report.page").joinpath("templates", "report.css").read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Where templates come from, and their filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (only a report needs it)

    environment = Environment(
        loader=PackageLoader("serving.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": _data_uri, "short": _short}
    return environment


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _short(sha256: str) -> str:
    return sha256[:SHORT_HASH]
