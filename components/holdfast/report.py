"""The report contract: one document model, written as a self-contained HTML page and as Markdown.

A page loads nothing: the KFP UI shows it in a sandboxed frame without a network. Everything that
comes from data is escaped.
"""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Protocol

from holdfast.writing import write_text

# Long tables are cut in pages: the KFP UI loads the whole of a report.
MAX_ROWS = 1000

STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
         vertical-align: top; max-width: 26rem; overflow-wrap: break-word; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.decision { border-radius: .3rem; color: #fff; padding: .1rem .6rem; font-size: 1rem; }
.pass { background: #1a7f37; } .warn { background: #9a6700; }
.fail { background: #cf222e; } .no_baseline { background: #57606a; }
figure { margin: 1rem 0; background: #fff; border-radius: .3rem; }
figure svg { max-width: 100%; height: auto; }
"""


class Block(Protocol):
    """What a page is made of."""

    def html(self) -> str:
        """Return the block as HTML, everything from data escaped."""

    def markdown(self) -> str:
        """Return the block as Markdown."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str

    def html(self) -> str:
        """Return the block as HTML."""
        return f"<p>{escape(self.text)}</p>"

    def markdown(self) -> str:
        """Return the block as Markdown."""
        # At its start a number with a point, a dash or a sign makes a list or a heading.
        return re.sub(r"^(\d{0,9})([-+=.])", r"\1\\\2", plain(self.text))


@dataclass(frozen=True)
class Rows:
    """A table with a heading; numbers are given with up to six significant digits."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def html(self) -> str:
        """Return the block as HTML."""
        if not self.rows:
            return f"<h2>{escape(self.heading)}</h2><p>None.</p>"
        pairs = zip(self.columns, self.rows[0], strict=True)
        head = "".join(_cell(column, "th", like=value) for column, value in pairs)
        body = "".join(
            "<tr>" + "".join(_cell(value) for value in row) + "</tr>"
            for row in self.rows[:MAX_ROWS]
        )
        return f"<h2>{escape(self.heading)}</h2><table><tr>{head}</tr>{body}</table>{self._cut()}"

    def markdown(self) -> str:
        """Return the block as Markdown."""
        if not self.rows:
            return f"## {plain(self.heading)}\n\nNone."
        head = _markdown_row(self.columns) + "\n" + "| --- " * len(self.columns) + "|"
        body = "\n".join(_markdown_row(row) for row in self.rows[:MAX_ROWS])
        return f"## {plain(self.heading)}\n\n{head}\n{body}\n{self._cut()}".rstrip()

    def _cut(self) -> str:
        more = len(self.rows) - MAX_ROWS
        return f"\n{more} more rows are left out." if more > 0 else ""


@dataclass(frozen=True)
class Figure:
    """A picture as inline SVG, made by a plotting library, with a caption that says what it shows.

    Markdown shows the caption only.
    """

    caption: str
    svg: str

    def html(self) -> str:
        """Return the block as HTML."""
        return f"<h2>{escape(self.caption)}</h2><figure>{self.svg}</figure>"

    def markdown(self) -> str:
        """Return the block as Markdown."""
        return f"*{plain(self.caption)}: see the HTML report.*"


@dataclass(frozen=True)
class Report:
    """A page: title, decision and blocks; a page that decides nothing has an empty decision."""

    title: str
    decision: str
    blocks: tuple[Block, ...]

    def html(self) -> str:
        """Return a self-contained page."""
        kind = escape(self.decision)
        badge = f' <span class="decision {kind}">{kind}</span>' if kind else ""
        body = "\n".join(block.html() for block in self.blocks)
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style></head>\n"
            f"<body><h1>{escape(self.title)}{badge}</h1>\n{body}\n</body></html>\n"
        )

    def markdown(self) -> str:
        """Return the same content as Markdown."""
        blocks = "\n\n".join(block.markdown() for block in self.blocks)
        decision = f": {plain(self.decision)}" if self.decision else ""
        return f"# {plain(self.title)}{decision}\n\n{blocks}\n"

    def write(self, html_path: str | Path, markdown_path: str | Path) -> None:
        """Write the page and its Markdown."""
        write_text(html_path, self.html())
        self.write_markdown(markdown_path)

    def write_markdown(self, path: str | Path) -> None:
        """Write the Markdown alone."""
        write_text(path, self.markdown())


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _markdown_row(values: tuple[Any, ...]) -> str:
    return "| " + " | ".join(plain(_text(value)) for value in values) + " |"


def _cell(value: object, tag: str = "td", like: object = None) -> str:
    """Return a cell; numbers, and headings of columns like one, stand on the right."""
    shape = value if like is None else like
    number = isinstance(shape, int | float) and not isinstance(shape, bool)
    kind = ' class="number"' if number else ""
    return f"<{tag}{kind}>{escape(_text(value))}</{tag}>"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: no links, no HTML, no line breaks."""
    shown = escape(" ".join(text.split()), quote=False)
    escaped = "".join(f"\\{c}" if c in "\\`*_[]()#|!~@" else c for c in shown)
    # What GitHub's Markdown and KFP's page make a link of without being asked.
    return re.sub(r"(?i)(?<=\w):(?=//)|(?<=\bwww)\.|(?<=mailto):", r"\\\g<0>", escaped)
