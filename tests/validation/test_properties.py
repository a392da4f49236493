"""Properties of profiles and of expectations, for any rows in any parts."""

import itertools
import json
import math

import pyarrow as pa
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.profiles.columns import NumberColumn
from holdfast.profiles.profile import profile_batches, read_profile
from holdfast.validation.expectations import read_expectations
from holdfast.validation.profile_page import report
from tests.properties import MODEST, TEXT, WHOLE, columns, folder

EXACT = ("present", "missing", "zeros", "low", "high", "whole")
TEXTS = ("present", "missing", "length", "shortest", "longest", "undercount")


def profiled(rows, first=0):
    """Profile rows of which the first has this number in the table."""
    return profile_batches(rows.schema, rows.to_batches() or [_none(rows)], first, 0)


def _none(rows):
    return pa.RecordBatch.from_pylist([], rows.schema)


def state(profile):
    """Return what of a profile is exact, NaN as text so that it equals itself."""
    found = {"rows": profile.rows}
    for name, column in profile.columns.items():
        number = isinstance(column, NumberColumn)
        told = [str(getattr(column, key)) for key in (EXACT if number else TEXTS)]
        counts = [] if number else sorted(map(str, column.counts.to_pylist()))
        found[name] = (told, counts, column.hashes.hashes.tolist(), column.distinct)
        if number:
            found[name] += (sorted(map(str, column.sample.values.tolist())),)
    return found


def cut(rows, ends):
    """Return profiles of the rows between places."""
    places = [0, *sorted(ends), rows.num_rows]
    return [profiled(rows.slice(a, b - a), a) for a, b in itertools.pairwise(places)]


@given(columns(), st.data())
def test_the_parts_of_a_table_merge_to_its_profile(drawn, data):
    rows = pa.table(drawn)
    ends = data.draw(st.lists(st.integers(0, rows.num_rows), max_size=3))
    first, *others = cut(rows, ends)
    for other in others:
        first.merge(other)
    assert state(first) == state(profiled(rows))


@given(columns(), st.data())
def test_merging_is_associative(drawn, data):
    rows = pa.table(drawn)
    ends = data.draw(st.lists(st.integers(0, rows.num_rows), min_size=2, max_size=2))
    left = cut(rows, ends)
    left[0].merge(left[1])
    left[0].merge(left[2])
    right = cut(rows, ends)
    right[1].merge(right[2])
    right[0].merge(right[1])
    assert state(left[0]) == state(right[0])


@given(st.lists(MODEST, min_size=1, max_size=40), st.data())
def test_merged_moments_are_those_of_all_rows(values, data):
    rows = pa.table({"x": values})
    ends = data.draw(st.lists(st.integers(0, len(values)), max_size=2))
    first, *others = cut(rows, ends)
    for other in others:
        first.merge(other)
    column, scale = first.columns["x"], max(1.0, *map(abs, values))
    mean = math.fsum(values) / len(values)
    assert column.mean == pytest.approx(mean, abs=1e-9 * scale)
    squares = math.fsum((value - mean) ** 2 for value in values)
    assert column.squares == pytest.approx(squares, rel=1e-6, abs=1e-9 * scale**2)


@given(columns())
def test_a_profile_is_read_as_it_was_written_and_can_be_shown(drawn):
    with folder() as path:
        profile = profiled(pa.table(drawn))
        profile.write(path)
        assert state(read_profile(path)) == state(profile)
        page = report(profile)
        page.html().encode()
        page.markdown().encode()


POLICIES = st.sampled_from(["fail", "warn"])
RULES = st.one_of(
    st.fixed_dictionaries({"rule": st.just("unique"), "columns": st.just(["x"]),
                           "policy": POLICIES | st.just("quarantine")}),
    st.fixed_dictionaries({"rule": st.just("condition"), "sql": TEXT.map(lambda t: f"x = '{t}'"),
                           "policy": POLICIES}),
    st.fixed_dictionaries({"rule": st.just("row_count"), "min": st.integers(0, 100),
                           "max": st.integers(100, 2**63)}),
    st.fixed_dictionaries({"rule": st.sampled_from(["mean", "std_dev", "distinct"]),
                           "column": st.just("x"), "min": MODEST | WHOLE, "policy": POLICIES}),
    st.fixed_dictionaries({"rule": st.just("quantile"), "column": st.just("x"),
                           "share": st.floats(0, 1), "max": MODEST}),
)  # fmt: skip


@given(st.lists(RULES, max_size=5))
def test_expectations_are_read_as_json_and_yaml_write_them(rules):
    for text in (json.dumps({"rules": rules}), yaml.safe_dump({"rules": rules})):
        assume("\x85" not in text)
        found = read_expectations(text, ["x"], None)
        told = [rule.model_dump(exclude_unset=True) for rule in found.rules]
        assert told == rules


@given(st.lists(RULES, min_size=1, max_size=3), TEXT)
def test_a_column_that_is_not_there_is_always_told(rules, name):
    assume(name != "x")
    named = [rule for rule in rules if "column" in rule or "columns" in rule]
    assume(named)
    with pytest.raises(InputError, match=r"must name columns of the table"):
        read_expectations(json.dumps({"rules": rules}), [name], None)
