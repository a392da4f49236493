"""What the README says in figures rests on rows of `make bench`."""

from tests.bench import claims
from tests.bench.__main__ import selected
from tests.bench.frame import Size, ids
from tests.support import ROOT

SECTION = "# Title\n\n9 x elsewhere\n\n## Figures\n\n{}\n\n## Next\n\n8 x here\n"
KNOWN = {"drift/1m/nannyml", "drift/1m/alibi"}


def table(ratio):
    """Return a table with one row."""
    row = {"id": "drift/1m/nannyml", "ratios": {"wall s": {"median": ratio}}}
    return {"comparisons": [{"rows": [row]}]}


def wrong(line, ratio=None):
    """Return what is wrong with a line of the section Figures."""
    measured = None if ratio is None else table(ratio)
    return list(claims.unfounded(claims.claims(SECTION.format(line)), KNOWN, measured))


def test_a_ratio_that_was_measured_is_no_fault():
    assert wrong("| `drift/1m/nannyml` | 2.4 x |", 2.41) == []


def test_a_ratio_without_a_row_is_told():
    assert wrong("NannyML takes 2.4 x the time.")[0].startswith("names no row")


def test_a_row_that_is_not_measured_is_told():
    assert wrong("| `drift/1m/nobody` | 2.4 x |")[0].startswith("drift/1m/nobody is no row")


def test_a_ratio_that_is_not_the_measured_one_is_told():
    assert wrong("| `drift/1m/nannyml` | 2.4 x |", 2.3)[0].startswith("2.4 x is not what was")


def test_a_claim_of_a_row_that_the_kept_run_lacks_is_told():
    assert wrong("| `drift/1m/alibi` | 2.4 x |", 2.4)[0].startswith("2.4 x is not what was")


def test_a_tables_rows_and_columns_are_no_ratio():
    assert claims.claims(SECTION.format("500,000 x 20 values, 1,000 rows x 15 columns")) == []


def test_other_sections_make_no_claims():
    assert claims.claims(SECTION.format("nothing")) == []


def test_seconds_are_found_in_prose_and_not_in_code():
    text = "Takes 13 s.\n\n```\nsleep 5 s\n```\n\nAt 50 requests, 1.5 ms. Python 3.11, 2 x."
    assert claims.seconds(text) == ["Takes 13 s.", "At 50 requests, 1.5 ms. Python 3.11, 2 x."]


def test_each_figure_of_the_readme_has_its_row():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    every = ids(selected((), Size()))
    found = claims.claims(readme)
    assert found
    assert list(claims.unfounded(found, every, claims.kept())) == []


def test_the_readme_says_no_seconds():
    assert claims.seconds((ROOT / "README.md").read_text(encoding="utf-8")) == []
