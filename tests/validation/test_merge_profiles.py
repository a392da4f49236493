"""Profiles on disk become one."""

import pytest

from holdfast.errors import InputError
from holdfast.validation.merge_profiles.logic import merge
from holdfast.validation.statistics import write_profile
from tests.validation.profiles import exact_state, moments, profiled

COLUMNS = {"x": [1, None, 3, 4, 5, 5], "s": ["a", "b", None, "a", "c", "a"]}


def written(folder, columns, **options):
    write_profile(profiled(columns, **options), folder)
    return str(folder)


def test_merged_profiles_are_the_profile_of_all_rows(tmp_path):
    paths = [
        written(tmp_path / "a", {name: values[:2] for name, values in COLUMNS.items()}),
        written(
            tmp_path / "b", {name: values[2:] for name, values in COLUMNS.items()}, first_row=2
        ),
    ]
    merged, whole = merge(paths), profiled(COLUMNS)
    assert (merged.rows, merged.columns["x"].mean) == (6, 3.6)
    assert merged.columns["s"].counts.to_pylist()[0] == {"value": "a", "count": 3}
    assert exact_state(merged, tmp_path / "merged") == exact_state(whole, tmp_path / "whole")
    assert moments(merged) == pytest.approx(moments(whole), rel=1e-12)


def test_the_order_of_profiles_does_not_matter(tmp_path):
    parts = {"a": {"x": [1.0, 2.0]}, "b": {"x": [2.0, None]}, "c": {"x": [-1.0]}}
    paths = [written(tmp_path / name, columns) for name, columns in parts.items()]
    one, two = merge(paths), merge(paths[::-1])
    assert exact_state(one, tmp_path / "one") == exact_state(two, tmp_path / "two")
    assert moments(one) == pytest.approx(moments(two), rel=1e-12)


def test_one_profile_stays_what_it_is(tmp_path):
    merged = merge([written(tmp_path / "a", COLUMNS)])
    assert exact_state(merged, tmp_path / "b") == exact_state(profiled(COLUMNS), tmp_path / "c")


def test_no_profiles_are_refused():
    with pytest.raises(InputError, match="`profiles` must name at least one profile"):
        merge([])


def test_a_path_without_a_profile_is_refused(tmp_path):
    with pytest.raises(InputError, match="`profiles` must be a profile"):
        merge([written(tmp_path / "a", COLUMNS), str(tmp_path / "nothing")])


def test_profiles_of_different_columns_are_refused_by_name(tmp_path):
    paths = [written(tmp_path / "a", {"x": [1]}), written(tmp_path / "b", {"x": ["1"]})]
    with pytest.raises(InputError, match=r"Found: \['x'\] differ"):
        merge(paths)
