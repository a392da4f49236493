"""fit_transformer: what becomes of numbers, text and dates."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.model import feature_frame
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.fit_transformer.plan import MOST_LEVELS
from holdfast.training.fit_transformer.remarks import ALL_MISSING, CONSTANT, TELLS_TARGET
from tests.training.samples import write_table

LABELS = ["yes", "no"] * 3


def fit(path, columns, min_frequency=1):
    columns = {
        name: values if isinstance(values, pa.Array) else pa.array(values)
        for name, values in columns.items()
    }
    table = write_table(path / "train", {**columns, "y": LABELS}, "y")
    return fit_transformer(table, min_frequency)


def transform(model, columns):
    features = model.info.features
    return model.pipeline.transform(feature_frame(pa.table(columns), features)).T.tolist()


def names_of(model):
    return model.pipeline.get_feature_names_out().tolist()


def test_numbers_and_booleans_pass_as_they_are(tmp_path):
    columns = {"n": [3, 1, 2, 5, 4, 9], "f": [0.5] * 6, "b": [True, False] * 3}
    model = fit(tmp_path, columns)
    assert transform(model, columns) == [
        [3.0, 1.0, 2.0, 5.0, 4.0, 9.0],
        [0.5] * 6,
        [1.0, 0.0] * 3,
    ]


def test_a_missing_number_stays_missing(tmp_path):
    columns = {"n": [3, None, 2, 5, 4, 9]}
    (numbers,) = transform(fit(tmp_path, columns), columns)
    np.testing.assert_array_equal(numbers, [3, np.nan, 2, 5, 4, 9])


def test_text_becomes_ordinal_codes_in_alphabetical_order(tmp_path):
    columns = {"t": ["pear", "apple", "fig", "apple", "fig", "pear"]}
    assert transform(fit(tmp_path, columns), columns) == [[2, 0, 1, 0, 1, 2]]


def test_unknown_text_is_minus_one(tmp_path):
    model = fit(tmp_path, {"t": ["a", "b"] * 3})
    assert transform(model, {"t": ["never seen", "b"]}) == [[-1, 1]]


@pytest.mark.parametrize(
    ("training", "min_frequency"),
    [
        (["a", None, "b", "a", "b", None], 1),
        (["a", None, "b", "a", "b", "b"], 2),
        (["a", "a", "b", "a", "b", "b"], 1),
    ],
    ids=["training had some", "training had few", "training had none"],
)
def test_missing_text_is_missing(training, min_frequency, tmp_path):
    model = fit(tmp_path, {"t": training}, min_frequency)
    (codes,) = transform(model, {"t": pa.array([None, "a", "b"])})
    np.testing.assert_array_equal(codes, [np.nan, 0, 1])


def test_rare_text_shares_one_code(tmp_path):
    model = fit(tmp_path, {"t": ["often", "often", "often", "often", "rare", "rarer"]}, 2)
    ((often, rare, rarer, unknown),) = transform(model, {"t": ["often", "rare", "rarer", "other"]})
    assert rare == rarer
    assert len({often, rare, unknown}) == 3
    assert unknown == -1


def test_text_in_exactly_min_frequency_rows_is_not_rare(tmp_path):
    model = fit(tmp_path, {"t": ["a", "a", "b", "b", "c", "c"]}, min_frequency=2)
    assert transform(model, {"t": ["a", "b", "c"]}) == [[0, 1, 2]]


DAY_PARTS = ["year", "month", "day_of_month", "day_of_week", "day_of_year", "month_end"]


def test_a_date_becomes_its_parts(tmp_path):
    model = fit(tmp_path, {"day": [date(2024, 2, 29)] * 6})
    assert transform(model, {"day": [date(2024, 2, 29), date(2025, 3, 2)]}) == [
        [2024, 2025],
        [2, 3],
        [29, 2],
        [3, 6],
        [60, 61],
        [1, 0],
        [0, 1],
    ]
    names = [f"day_{part}" for part in DAY_PARTS]
    assert names_of(model) == [*names, "weekend__day_day_of_week"]


def test_a_timestamp_has_an_hour_too_in_utc(tmp_path):
    karachi = timezone(timedelta(hours=5))
    values = pa.array([datetime(2024, 3, 1, 3, 30, tzinfo=karachi)] * 6, pa.timestamp("us", "UTC"))
    model = fit(tmp_path, {"at": values})
    parts = dict(zip(names_of(model), transform(model, {"at": values}), strict=True))
    assert (parts["at_hour"][0], parts["at_day_of_month"][0], parts["at_month_end"][0]) == (
        22,
        29,
        1,
    )


def test_all_of_a_missing_date_is_missing_but_its_flags(tmp_path):
    model = fit(tmp_path, {"day": [date(2024, 2, 29)] * 6})
    parts = transform(model, {"day": pa.array([None], pa.date32())})
    np.testing.assert_array_equal(np.ravel(parts), [np.nan] * 5 + [0, np.nan])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([time(12, 30)] * 6), "time64"),
        (pa.array([timedelta(1)] * 6), "duration"),
        (pa.array([[1, 2]] * 6), "list"),
        (pa.array([b"x"] * 6), "binary"),
    ],
    ids=["time of day", "duration", "list", "binary"],
)
def test_a_column_of_another_type_is_dropped_with_a_reason(values, kind, tmp_path):
    model = fit(tmp_path, {"odd": values, "n": range(6)})
    assert model.info.features == ("n",)
    assert kind in model.info.dropped["odd"]


def test_decimals_are_numbers_and_dictionaries_text(tmp_path):
    columns = {
        "price": pa.array([Decimal("1.50")] * 6),
        "colour": pa.array(["red", "blue"] * 3).dictionary_encode(),
    }
    assert transform(fit(tmp_path, columns), columns) == [[1.5] * 6, [1.0, 0.0] * 3]


def test_output_features_of_one_name_are_told_apart(tmp_path):
    model = fit(tmp_path, {"day": [date(2024, 2, 29)] * 6, "day_year": range(6)})
    assert len(set(names_of(model))) == 8


def test_the_target_is_no_feature(tmp_path):
    assert fit(tmp_path, {"n": range(6)}).info.features == ("n",)


def test_a_table_of_times_of_day_alone_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`train` must have a column of numbers.*\['when', 'y'\]"):
        fit(tmp_path, {"when": [time(12, 30)] * 6})


def test_a_table_without_a_target_is_refused(tmp_path):
    table = write_table(tmp_path / "train", {"n": [1, 2]})
    with pytest.raises(InputError, match="`train` does not say which column is its target"):
        fit_transformer(table, 1)


@pytest.mark.parametrize("frequency", [0, -3])
def test_a_frequency_below_one_is_refused(frequency, tmp_path):
    with pytest.raises(InputError, match=f"`min_frequency` must be at least 1. Found: {frequency}"):
        fit(tmp_path, {"n": range(6)}, frequency)


COLUMNS = {"n": range(6), "y": LABELS}


def test_a_locked_holdout_is_refused(tmp_path):
    holdout = write_table(tmp_path / "holdout", COLUMNS, "y", role="holdout")
    with pytest.raises(InputError, match="`train` must not be a locked holdout"):
        fit_transformer(holdout, 1)


def test_the_transformer_names_its_table_and_the_locked_holdout(tmp_path):
    train = write_table(tmp_path / "train", COLUMNS, "y", role="train", holdout="abc")
    info = fit_transformer(train, 1).info
    assert (info.trained_on, info.holdout_sha256) == (train.sha256, "abc")
    assert info.metadata()["holdout_sha256"] == "abc"


def test_columns_that_say_nothing_or_too_much_are_remarked(tmp_path):
    model = fit(
        tmp_path,
        {
            "none": pa.nulls(6, pa.float64()),
            "one": [7] * 6,
            "leak": [0.5, 1.5] * 3,
            "holed": ["a", "b", None, "b", "a", "b"],
            "n": range(6),
        },
    )
    assert model.info.remarks == {
        "none": ALL_MISSING,
        "one": CONSTANT,
        "leak": TELLS_TARGET,
        "holed": TELLS_TARGET,
    }
    assert model.info.metadata()["remarks"] == model.info.remarks


@pytest.mark.parametrize(
    ("feature", "remark"),
    [
        ([10.0, 20.0, 30.0, 40.0, 50.0, 61.0], ""),
        ([32.0, 50.0, 68.0, 86.0, 104.0, 122.0], TELLS_TARGET),
        ([10.0, None, 30.0, 40.0, 50.0, 60.0], TELLS_TARGET),
    ],
    ids=["almost", "in another unit", "where it is known"],
)
def test_a_feature_that_is_the_measured_target_is_remarked(feature, remark, tmp_path):
    columns = {"f": pa.array(feature), "y": [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]}
    table = write_table(tmp_path / "train", columns, "y", "regression")
    assert fit_transformer(table, 1).info.remarks.get("f", "") == remark


def test_text_of_too_many_values_is_dropped_with_a_reason(tmp_path):
    rows = MOST_LEVELS + 1
    columns = {"id": [f"{n:x}" for n in range(rows)], "n": range(rows), "y": ["a"] * rows}
    table = write_table(tmp_path / "train", columns, "y")
    info = fit_transformer(table, 1).info
    assert info.features == ("n",)
    assert info.dropped == {"id": "100001 different values, more than 100000"}
    named = "categorical: [{columns: [id], encode: frequency}]"
    with pytest.raises(InputError, match=r"`features` names \['id'\].*Found: \[100001\]"):
        fit_transformer(table, 1, named)


def test_infinity_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"infinity in \['n'\]"):
        fit(tmp_path, {"n": [1.0, 2.0, np.inf, 3.0, 4.0, 5.0], "m": range(6)})


def test_a_table_without_rows_is_refused(tmp_path):
    columns = {"n": pa.array([], pa.int64()), "y": pa.array([], pa.string())}
    with pytest.raises(InputError, match="`train` must hold rows"):
        fit_transformer(write_table(tmp_path / "train", columns, "y"), 1)


def test_one_class_is_enough_for_the_transformer(tmp_path):
    table = write_table(tmp_path / "train", {"n": range(4), "y": ["a"] * 4}, "y")
    assert fit_transformer(table, 1).info.features == ("n",)
