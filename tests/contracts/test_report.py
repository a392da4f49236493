"""The report contract: a page that loads nothing, and data that stays data."""

import re
from html.parser import HTMLParser

import pytest

from holdfast.report import MAX_ROWS, Figure, Paragraph, Report, Rows

EVIL = '<script>alert("1")</script>'
VOID = {"meta"}


def page(*blocks, title="Title", decision="pass"):
    return Report(title, decision, blocks)


class Nesting(HTMLParser):
    """Collects the tags that are closed in the wrong place or not at all."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.wrong = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, _attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_everything_from_data_is_escaped_in_html():
    report = page(
        Paragraph(EVIL),
        Rows(EVIL, (EVIL,), ((EVIL,),)),
        Rows(EVIL, (EVIL,), ()),
        Figure(EVIL, "<svg></svg>"),
        title=EVIL,
        decision=EVIL,
    )
    assert "<script" not in report.html()
    assert report.html().count("&lt;script&gt;") == 10


def test_everything_from_data_is_escaped_in_markdown():
    report = page(
        Paragraph(EVIL),
        Rows(EVIL, (EVIL,), ((EVIL,),)),
        Figure(EVIL, "<svg></svg>"),
        title=EVIL,
        decision=EVIL,
    )
    assert "<" not in report.markdown()


def test_a_value_cannot_leave_its_attribute():
    html = page(decision='x" onmouseover="alert(1)').html()
    assert 'onmouseover="' not in html


@pytest.mark.parametrize("value", ["a|b", "a\nb", "[x](y)", "![x](y)", "`a`", "*a*", "_a_", "# a"])
def test_a_value_is_no_markdown(value):
    row = Rows("h", ("c",), ((value,),)).markdown().splitlines()[-1]
    shown = re.sub(r"\\(.)", r"\1", row.removeprefix("| ").removesuffix(" |"))
    assert shown == " ".join(value.split())
    assert not re.search(r"(?<!\\)[|`*_\[\]()#!]", row.removeprefix("|").removesuffix("|"))


def test_the_page_loads_nothing_and_runs_nothing():
    html = page(Paragraph("p"), Rows("h", ("c",), ((1,),)), Figure("f", "<svg></svg>")).html()
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|<link|<iframe", html)


def test_the_page_is_well_formed():
    html = page(
        Paragraph("p"), Rows("h", ("a", "b"), ((1, "x"),)), Figure("f", "<svg><g></g></svg>")
    ).html()
    assert html.startswith("<!doctype html>")
    parsed = Nesting(html)
    assert (parsed.open, parsed.wrong) == ([], [])


@pytest.mark.parametrize("decision", ["pass", "warn", "fail", "no_baseline"])
def test_each_decision_is_shown_and_has_a_colour(decision):
    html = page(decision=decision).html()
    assert f'<span class="decision {decision}">{decision}</span>' in html
    assert f".{decision} {{ background:" in html


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5678, "1234.57"), (0.1 + 0.2, "0.3"), (7, "7"), (1234567, "1234567")],
)
def test_numbers_are_shown_short_and_to_the_right(value, shown):
    rows = Rows("h", ("c",), ((value,),))
    assert f'<td class="number">{shown}</td>' in rows.html()
    assert rows.markdown().endswith(f"| {shown} |")


def test_a_boolean_is_no_number():
    assert "<td>True</td>" in Rows("h", ("c",), ((True,),)).html()


def test_a_long_table_is_cut_and_says_so():
    rows = Rows("h", ("c",), tuple((f"row{n}",) for n in range(MAX_ROWS + 2)))
    for text in rows.html(), rows.markdown():
        assert f"row{MAX_ROWS - 1}" in text
        assert f"row{MAX_ROWS}" not in text
        assert "2 more rows are left out." in text


def test_a_table_of_the_greatest_length_is_whole():
    rows = Rows("h", ("c",), tuple((f"row{n}",) for n in range(MAX_ROWS)))
    assert f"row{MAX_ROWS - 1}" in rows.html()
    assert "left out" not in rows.html() + rows.markdown()


def test_a_table_without_rows_says_none():
    rows = Rows("Findings", ("c",), ())
    assert rows.html() == "<h2>Findings</h2><p>None.</p>"
    assert rows.markdown() == "## Findings\n\nNone."


def test_a_figure_is_in_the_page_and_its_caption_in_markdown():
    figure = Figure("Errors by hour", '<svg id="s"></svg>')
    assert '<figure><svg id="s"></svg></figure>' in figure.html()
    assert figure.markdown() == "*Errors by hour: see the HTML report.*"


def test_both_files_are_written_in_utf8(tmp_path):
    report = page(Paragraph("größe 色"))
    report.write(tmp_path / "html", tmp_path / "markdown")
    assert (tmp_path / "html").read_text(encoding="utf-8") == report.html()
    assert (tmp_path / "markdown").read_text(encoding="utf-8") == report.markdown()
    assert '<meta charset="utf-8">' in report.html()


def test_a_page_that_decides_nothing_shows_no_decision():
    report = page(Paragraph("p"), title="Profile", decision="")
    assert "<h1>Profile</h1>" in report.html() and "<span" not in report.html()
    assert report.markdown() == "# Profile\n\np\n"
