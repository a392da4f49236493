"""What a model card is made of: sections of prose and small tables."""

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from holdfast.report import Block, Paragraph, Rows, plain

NOT_KNOWN = "Not known."


@dataclass(frozen=True)
class Heading:
    """The heading of a section."""

    text: str

    def html(self) -> str:
        """Return the block as HTML."""
        return f"<h2>{escape(self.text)}</h2>"

    def markdown(self) -> str:
        """Return the block as Markdown."""
        return f"## {plain(self.text)}"


@dataclass(frozen=True)
class Part(Rows):
    """A table within a section: its heading is one level lower."""

    def html(self) -> str:
        """Return the block as HTML."""
        shown = super().html().replace("<h2>", '<h3 style="font-size: 1rem">', 1)
        return shown.replace("</h2>", "</h3>", 1)

    def markdown(self) -> str:
        """Return the block as Markdown."""
        return "#" + super().markdown()


def section(heading: str, *blocks: Block) -> tuple[Block, ...]:
    """Return a section; one without blocks says that nothing is known."""
    return (Heading(heading), *(blocks or (Paragraph(NOT_KNOWN),)))


def prose(text: str) -> tuple[Block, ...]:
    """Return a text of the user's as paragraphs; an empty one says that nothing is known."""
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return tuple(Paragraph(part.strip()) for part in parts) or (Paragraph(NOT_KNOWN),)


def facts(heading: str, known: dict[str, Any]) -> Part:
    """Return a table of facts; what is empty is said to be not known."""
    rows = tuple((name, _told(value)) for name, value in known.items())
    return Part(heading, ("", ""), rows)


def _told(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return str(value) if value else NOT_KNOWN
