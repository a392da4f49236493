"""A page that shows what is odd, shows nothing as code, and stays small."""

import math
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from holdfast.profiles.columns import TextColumn
from holdfast.profiles.sketches import draw
from holdfast.validation.profile_page import report, warnings
from tests.validation.profiles import column, profiled

HOSTILE = "<script>a('1')</script>\"&'><img src=x onerror=b()> http://x |`*_"
PLAIN = "a plain name"


class Tags(HTMLParser):
    """Collects tags with their attributes' names, and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *(name for name, _ in attributes)))

    def handle_data(self, data):
        self.text.append(data)


def page(columns) -> str:
    return report(profiled(columns)).html()


def test_names_and_values_are_shown_as_text():
    hostile = Tags(page({HOSTILE: [HOSTILE, "b", None], HOSTILE + "2": [1, 2, 3]}))
    plain = Tags(page({PLAIN: [PLAIN, "b", None], PLAIN + "2": [1, 2, 3]}))
    assert hostile.tags == plain.tags
    assert HOSTILE in hostile.text
    assert HOSTILE + "2" in hostile.text


def test_names_are_shown_as_text_in_markdown_too():
    text = report(profiled({HOSTILE: ["a"]})).markdown()
    assert "<" not in text
    assert r"\|\`\*\_" in text


def test_a_page_loads_nothing():
    tags = Tags(page({"x": [1, 2], "s": ["a", "b"]})).tags
    loading = {"src", "href", "srcset", "data", "action", "background"}
    assert not [tag for tag in tags if loading & set(tag[1:])]
    assert not [tag for tag, *_ in tags if tag in {"link", "iframe", "img", "object", "base"}]
    assert "http" not in page({"x": [1, 2]})
    assert "@import" not in page({"x": [1, 2]})


def test_a_page_has_a_search():
    text = page({"x": [1, 2]})
    assert text.count("<script>") == 1
    assert 'type: "search"' in text
    assert text.count('class="card"') == 1


def test_a_page_shows_numbers_text_and_dates():
    text = page(
        {
            "amount": [0.5, 1.5, None, 2.5],
            "day": [date(2020, 1, 1), date(2020, 1, 3), None, None],
            "colour": ["red", "red", "", None],
        }
    )
    for shown in ("4 rows and 3 columns; 33.3 % of all values are missing", "mean 1.5",
                  "2020-01-01", "2020-01-03", "red", "66.7 %", "<i>empty text</i>",
                  "length 0 to 3 bytes", "25.0 % missing", "2 distinct"):  # fmt: skip
        assert shown in text


def test_columns_with_warnings_come_first():
    text = page({"good": [1, 2, 3, 1], "odd": [1, 1, 1, 1]})
    assert text.index("<h3>odd") < text.index("<h3>good")


def test_a_table_without_rows_has_a_page():
    text = report(profiled({"x": pa.array([], pa.int64()), "s": pa.array([], pa.string())}))
    assert "0 rows and 2 columns" in text.html()
    assert "0 warnings" in text.markdown()


@pytest.mark.parametrize(
    "values",
    [[math.inf, -math.inf], [math.inf, 1.0], [None], [1e308, -1e308], [True, None], [2**63 - 1]],
    ids=str,
)
@pytest.mark.filterwarnings("error")
def test_unusual_columns_have_cards(values):
    assert 'class="card"' in page({"x": values})


USUAL = [1.0, 2.0, 2.0, 3.0]
CASES = {
    "no values": ([None, None], [None, 1.0]),
    "constant": (["a", "a", None], ["a", "b", "b"]),
    "mostly missing": ([1.0, 2.0, None, None, None], [1.0, 2.0, None, None]),
    "nearly unique": ([f"id {n}" for n in range(100)], [f"id {n % 90}" for n in range(100)]),
    "one value dominates": (["a"] * 96 + ["b"] * 4, ["a"] * 95 + ["b"] * 5),
    "skewed": ([1.0] * 99 + [1000.0], USUAL),
    "infinite values": ([*USUAL, math.inf], USUAL),
}


@pytest.mark.parametrize("warning", CASES)
def test_a_warning_is_given_where_it_holds_and_not_elsewhere(warning):
    odd, usual = CASES[warning]
    kind = pa.float64() if warning == "no values" else None
    assert warning in warnings(column(odd, kind))
    assert warning not in warnings(column(usual, kind))


def test_zeros_can_dominate_numbers():
    assert "one value dominates" in warnings(column([0] * 96 + [1, 2, 3, 4]))


def test_whole_numbers_may_name_rows_and_measures_are_unique_by_nature():
    assert "nearly unique" in warnings(column(range(100)))
    assert "nearly unique" not in warnings(column(np.arange(100) / 7))


def test_an_ordinary_column_has_no_warnings():
    assert warnings(column(USUAL)) == []


def test_names_that_all_differ_and_are_not_kept_have_a_card():
    profile = profiled({"name": ["a", "b"]})
    names = TextColumn(1000)
    names.update(pa.array([f"person {n}" for n in range(70_000)]), draw(0, 0, 0))
    names.settle()
    assert names.counts.num_rows == 0
    profile.columns["name"] = names
    assert warnings(names) == ["nearly unique"]
    assert "about " in report(profile).html()


def wide(columns):
    random = np.random.default_rng(0)
    numbers = {f"measure_{n}": random.lognormal(size=200) for n in range(columns * 3 // 4)}
    words = random.choice(["a longer name of a category", "red", "green"], (columns // 4, 200))
    return report(profiled({**numbers, **{f"group_{n}": w for n, w in enumerate(words)}}))


def test_a_page_of_500_columns_shows_them_all_in_less_than_2_megabytes():
    text = wide(500).html()
    assert len(text.encode()) < 2_000_000
    assert text.count('class="card"') == 500


def test_a_page_of_10000_columns_stays_small_and_says_what_is_left_out():
    found = wide(10_000)
    text = found.html()
    cards = text.count('class="card"')
    assert len(text.encode()) < 2_000_000
    assert cards > 500
    assert f"{10_000 - cards:,} more columns are in FeatureStats.pb." in text
    assert len(found.markdown()) < 400_000


@pytest.mark.parametrize("mark", ["<", "字"])
def test_long_names_and_values_do_not_make_a_page_large(mark):
    values = [f"{n}{mark * 200}" for n in range(5)]
    found = report(profiled({f"{n}{mark * 200}": values for n in range(1500)}))
    assert len(found.html().encode()) < 2_000_000
