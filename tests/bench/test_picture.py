"""The picture of the table: what is in it, where, and that nothing in it is markup of its own."""

from xml.etree import ElementTree

import pytest

from tests.bench import picture

SVG = "{http://www.w3.org/2000/svg}"


def row(name, low=2.0, median=3.0, high=4.0, **more):
    """Return a row with one ratio of time."""
    ratios = {"wall s": {"low": low, "median": median, "high": high}}
    return {
        "id": f"g/c/{name}",
        "with": "peer 1.0",
        "ratios": ratios,
        "runs": 5,
        "own": False,
        **more,
    }


def drawn(*rows, groups=(), **more):
    """Return the texts and the dots' places of a comparison of these rows."""
    comparison = {"id": "g/c", "title": "title", "judged": ["wall s", "peak MB"], "scale": False}
    table = {
        "machine": {"processor": "CPU", "cpus": 2},
        "comparisons": [{**comparison, **more, "rows": [row("ours", 1, 1, 1), *rows]}],
    }
    root = ElementTree.fromstring(picture.picture(table, groups))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    return texts, [float(each.get("cx")) for each in root.iter(f"{SVG}circle")]


def test_each_row_has_its_name_its_peer_and_its_ratio():
    texts, dots = drawn(row("pandas"))
    assert {"title, against ours: wall", "pandas", "peer 1.0", "3.0 x"} <= set(texts)
    assert len(dots) == 1


def test_what_takes_as_much_lies_at_one_and_what_takes_more_right_of_it():
    _, (level, more, less) = drawn(row("a", 1, 1, 1), row("b", 2, 4, 5), row("c", 0.1, 0.25, 0.3))
    assert less < level < more
    assert level - less == pytest.approx(more - level, abs=0.2)


def test_a_ratio_beyond_the_scale_is_at_its_edge_and_told_as_it_is():
    texts, (dot,) = drawn(row("kfp-venv", 100, 131.5, 140))
    assert "131.5 x" in texts
    assert dot == next(iter(picture.PANELS.values()))[1]


@pytest.mark.parametrize("more", [{"scale": True}, {"groups": ("other",)}])
def test_what_is_no_claim_or_not_asked_for_is_left_out(more):
    texts, dots = drawn(row("pandas"), **more)
    assert not dots
    assert "pandas" not in texts


def test_a_row_that_was_not_measured_is_left_out():
    texts, _ = drawn(row("pandas"), row("kedro", ratios={}))
    assert "kedro" not in texts


def test_names_are_text():
    texts, _ = drawn(row("pandas", **{"with": "<script>alert(1)</script>"}))
    assert any(text.startswith("<script>") for text in texts)
