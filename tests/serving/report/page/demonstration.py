"""Writes the page of a made-up country in all six languages, to be looked at.

``python -m tests.serving.report.page.demonstration FOLDER``; then, for example,
``chromium --headless --screenshot=page.png --window-size=1280,8000 FOLDER/report.ar.html``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from landcover.labels import LANGUAGES
from landcover.legends import get_legend
from serving.report.page.render import page
from serving.report.page.standalone import standalone
from serving.report.page.words import words_for
from tests.serving.report.page.country import page_data


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    data = page_data()
    for language in LANGUAGES:
        words = words_for(language)
        (folder / f"report.{language}.html").write_text(page(data, language), encoding="utf-8")
        picture = standalone(
            data.pictures.initial, get_legend("unccd7"), words, title=words("cover_in", 2015), place=data.areas[0]
        )
        (folder / f"land_cover_initial.{language}.png").write_bytes(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
