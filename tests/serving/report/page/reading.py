"""Reads a page as a browser would, only stricter: every element closed in order."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Structure, attributes and visible texts of a page.

    Attributes:
        attributes: (tag, name, value) of every attribute.
        texts: visible texts in order, also those of tooltips and alternatives, without what is marked as English.
        tables: rows of cell texts of every table.
    """

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.attributes, self.texts, self.tables, self.tags = [], [], [], [], []
        self._foreign = 0
        self.feed(html)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        foreign = (("lang", "en") in attrs and tag != "html") or tag == "bdi" or self._foreign
        if not foreign:
            self.texts += [value for name, value in attrs if name in {"alt", "aria-label"}]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)
            self._foreign += bool(foreign)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()
        self._foreign -= bool(self._foreign)

    def handle_data(self, data):
        if not data.strip() or (self.open and self.open[-1] == "style"):
            return
        if not self._foreign:
            self.texts.append(data.strip())
        cell = next((tag for tag in reversed(self.open) if tag in {"td", "th", "caption", "table"}), None)
        if cell in {"td", "th"} and "title" not in self.open[self.open.index("table") :]:
            self.tables[-1][-1][-1] += data.strip()
