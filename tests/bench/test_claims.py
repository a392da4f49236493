"""What the README says in figures rests on rows of `make bench`."""

import json

import pytest

from holdfast.errors import InputError
from tests.bench import claims
from tests.bench.__main__ import selected
from tests.bench.frame import Size, ids
from tests.bench.picture import picture
from tests.support import ROOT

SECTION = "# Title\n\n9 x elsewhere\n\n## Figures\n\n{}\n\n## Next\n\n8 x here\n"
KNOWN = {"drift/1m/nannyml", "drift/1m/alibi"}


def table(ratio, low=2.0, high=3.0):
    """Return a table with one row."""
    time, memory = {"median": ratio, "low": low, "high": high}, {"median": 3.4}
    ratios = {"wall s": time, "CPU s": {"median": 9.9}, "peak MB": memory}
    row = {"id": "drift/1m/nannyml", "ratios": ratios, "runs": 5}
    judged = ["wall s", "CPU s", "peak MB"]
    return {"comparisons": [{"judged": judged, "rows": [row]}]}


def wrong(line, ratio=None, **spread):
    """Return what is wrong with a line of the section Figures."""
    measured = None if ratio is None else table(ratio, **spread)
    return list(claims.unfounded(claims.claims(SECTION.format(line)), KNOWN, measured))


def test_a_ratio_that_was_measured_is_no_fault():
    assert wrong("| `drift/1m/nannyml` | 2.4 x |", 2.41) == []


def test_the_second_ratio_is_that_of_memory():
    line = "| `drift/1m/nannyml` | 2.4 x | {} x |"
    assert wrong(line.format(3.4), 2.4) == []
    for other in (2.4, 9.9):
        assert wrong(line.format(other), 2.4)[0].startswith(f"{other} x is not what was")


def test_a_ratio_of_another_quantity_is_told():
    assert wrong("| `drift/1m/nannyml` | 9.9 x |", 2.4)[0].startswith("9.9 x is not what was")


def test_a_ratio_within_the_spread_must_be_called_level():
    line = "| `drift/1m/nannyml` | 1.1 x{} |"
    assert "does not say level" in wrong(line.format(""), 1.1, low=0.9)[0]
    assert wrong(line.format(" (level)"), 1.1, low=0.9) == []


@pytest.mark.parametrize("text", ["2.4x", "2.4\u00d7", "2.4 \u00d7"])
def test_a_ratio_is_seen_however_it_is_written(text):
    assert wrong(f"NannyML takes {text} the time.")


@pytest.mark.parametrize(
    ("settings", "commit"),
    [({"quick": True, "repeats": 5}, "abc"), ({"quick": False, "repeats": 1}, "abc"),
     ({"quick": False, "repeats": 5}, "abc-dirty")],
)  # fmt: skip
def test_a_table_that_is_not_of_a_full_run_is_not_kept(tmp_path, settings, commit):
    one = {"id": "drift/1m", "settings": settings, "commit": commit, "rows": []}
    (tmp_path / "bench.json").write_text(json.dumps({"comparisons": [one]}))
    with pytest.raises(InputError, match="drift/1m was measured"):
        claims.keep(tmp_path / "bench.json")


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


def test_the_picture_is_that_of_the_kept_run():
    table = claims.kept()
    drawn = claims.PICTURE.read_text(encoding="utf-8") if claims.PICTURE.is_file() else None
    assert drawn == (table and picture(table, claims.PICTURED))


def test_the_readme_says_no_seconds():
    assert claims.seconds((ROOT / "README.md").read_text(encoding="utf-8")) == []
