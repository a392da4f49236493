"""A table whose every name and value would do harm where it is not escaped."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
LINK = "[free](javascript:alert(3))"
# What would end an attribute, a table's cell, a formula of matplotlib, a format or a template.
QUOTE = "\"' onmouseover=alert(4) x='"
CELL = "a|b\n| --- |\n# c"
FORMULA = r"$\frac{x}{$ %s {0} ${x} {{7*7}}"
SHEET = '=HYPERLINK("http://x.example",1)'
BARE = "https://x.example/free www.x.example a@x.example"
TARGET = f"y {IMAGE}"
CLASSES = (SCRIPT, LINK)
COLUMNS = (SCRIPT, IMAGE, LINK, QUOTE, CELL, FORMULA, SHEET, BARE)
FILE = "<img src=x onerror=alert(5)>.csv"
# What harm is made of, as it would stand in a page.
MARKS = ("alert(", "x.example")


def write_table(folder: Path, rows: int = 300) -> Path:
    """Write numbers and categories under such names, with a target of two such classes."""
    values = (SCRIPT, IMAGE, LINK, CELL, FORMULA, SHEET, BARE)
    path = folder / FILE
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["day", "id", *COLUMNS, TARGET])
        for number in range(rows):
            label = number % 2
            # The first half of the columns are numbers, the others text.
            numbers = [(number * (place + 3)) % 17 + 5 * label for place in range(4)]
            texts = [values[(number * place + label) % len(values)] for place in range(1, 5)]
            writer.writerow(["2026-11-20", number, *numbers, *texts, CLASSES[label]])
    return path


class Page(HTMLParser):
    """Collects what in a page could run, load or lead somewhere."""

    ELEMENTS = ("a", "img", "iframe", "object", "embed", "form", "base", "link", "audio", "video",
                "foreignobject", "input", "button", "animate", "set")  # fmt: skip
    # An inner place, or a picture that the page itself holds.
    LOCAL = ("#", "data:image/png;base64,")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.harm: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self._within = tag if tag in ("script", "style") else self._within
        if tag in self.ELEMENTS:
            self.harm.append(f"<{tag}>")
        for name, value in attrs:
            local = (value or "").startswith(self.LOCAL)
            if name.startswith("on") or (name in ("href", "xlink:href", "src") and not local):
                self.harm.append(f"{name}={value}")
            if re.search(r"url\((?!#)|expression|javascript:", value or ""):
                self.harm.append(f"{name}={value}")

    def handle_endtag(self, tag):
        self._within = "" if tag == self._within else self._within

    def handle_data(self, data):
        if self._within == "script":
            self.scripts.append(data)
        elif self._within == "style":
            self.harm += re.findall(r"@import|url\((?!#)|" + re.escape(MARKS[0]), data)
        else:
            self.text.append(data)


def markdown_harm(text: str) -> list[str]:
    """Return what of a Markdown text is shown as something else than text, by CommonMark."""
    from markdown_it import MarkdownIt

    found = []
    parsed = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    tokens = [child for token in parsed for child in (token, *(token.children or ()))]
    for token in tokens:
        if token.type in ("html_block", "html_inline", "link_open", "image", "fence", "code_block"):
            found.append(f"{token.type}: {token.content or token.attrs}")
    return found


def tables_are_even(text: str) -> bool:
    """Tell whether each table of a Markdown text has as many cells in each row as in its head."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark").enable("table").render(text)
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        if len({len(re.findall(r"<t[hd]", row)) for row in rows}) != 1:
            return False
    return html.count("<table>") == len(re.findall(r"^\| ---", text, re.MULTILINE))
