"""fit_transformer: what becomes of numbers, text and dates."""

from datetime import date, datetime, time

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.model import feature_frame
from holdfast.training.fit_transformer.logic import fit_transformer
from tests.training.samples import write_table

LABELS = ["yes", "no"] * 3


def fit(path, columns, min_frequency=1):
    columns = {name: pa.array(values) for name, values in columns.items()}
    table = write_table(path / "train", {**columns, "y": LABELS}, "y")
    return fit_transformer(table, min_frequency)


def transform(model, columns):
    features = model.info.features
    return model.pipeline.transform(feature_frame(pa.table(columns), features)).T.tolist()


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


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (date(2024, 2, 29), "date32"),
        (datetime(2024, 2, 29, 12), "timestamp"),
        (time(12, 30), "time64"),
    ],
    ids=["date", "timestamp", "time of day"],
)
def test_dates_and_times_are_dropped_with_a_reason(value, kind, tmp_path):
    model = fit(tmp_path, {"when": [value] * 6, "n": range(6)})
    assert model.info.features == ("n",)
    assert list(model.info.dropped) == ["when"]
    assert kind in model.info.dropped["when"]


def test_the_target_is_no_feature(tmp_path):
    assert fit(tmp_path, {"n": range(6)}).info.features == ("n",)


def test_a_table_of_dates_alone_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`train` must have a column of numbers.*\['when', 'y'\]"):
        fit(tmp_path, {"when": [date(2024, 2, 29)] * 6})


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
