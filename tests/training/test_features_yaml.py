"""fit_transformer: what each step that `features` names does, and what it refuses."""

from datetime import date, datetime
from math import log, sqrt

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.model import feature_frame
from holdfast.training.fit_transformer.logic import fit_transformer
from tests.training.samples import write_table

NAN = np.nan


def fit(path, columns, features, target=None, task="classification", min_frequency=1):
    """Fit to columns of any one length."""
    columns = {name: pa.array(values) for name, values in columns.items()}
    rows = len(next(iter(columns.values())))
    labels = target or [("yes", "no")[row % 2] for row in range(rows)]
    table = write_table(path / "train", {**columns, "y": labels}, "y", task)
    return fit_transformer(table, min_frequency, features)


def transform(model, columns):
    """Return the output features by name."""
    frame = feature_frame(pa.table(columns), model.info.features)
    names = model.pipeline.get_feature_names_out()
    return dict(zip(names, model.pipeline.transform(frame).T.tolist(), strict=True))


def same(found, expected):
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-12, err_msg=name)


def test_numbers_beyond_the_quantiles_are_clipped_infinity_too(tmp_path):
    model = fit(tmp_path, {"x": range(11)}, "numeric: [{columns: [x], clip: 0.1}]")
    rows = pa.array([-5.0, 4.0, 99.0, np.inf, None])
    same(transform(model, {"x": rows}), {"x": [1, 4, 9, 9, NAN]})


def test_infinity_in_training_is_clipped_where_it_is_beyond_the_quantile(tmp_path):
    clip = "numeric: [{columns: [x], clip: 0.1}]"
    model = fit(tmp_path, {"x": [*map(float, range(20)), np.inf]}, clip)
    same(transform(model, {"x": [np.inf]}), {"x": [18]})
    with pytest.raises(InputError, match=r"infinity in \['x'\].*clip a larger share"):
        fit(tmp_path / "more", {"x": [*map(float, range(8)), np.inf, np.inf]}, clip)


def test_the_log_is_of_one_more_and_a_negative_number_counts_as_zero(tmp_path):
    model = fit(tmp_path, {"x": [0, 1, 2]}, "numeric: [{columns: [x], log: true}]")
    same(transform(model, {"x": pa.array([0, 1, -4, None])}), {"x": [0, log(2), 0, NAN]})


@pytest.mark.parametrize(
    ("impute", "filled"), [("median", 2), ("mean", 3), ("most_frequent", 1), ("-7.5", -7.5)]
)
def test_missing_numbers_are_filled(impute, filled, tmp_path):
    columns = {"x": [1, 1, None, 3, 7]}
    model = fit(tmp_path, columns, f"numeric: [{{columns: [x], impute: {impute}}}]")
    same(transform(model, {"x": pa.array([None, 5])}), {"x": [filled, 5]})


def test_an_all_missing_column_is_filled_with_zero(tmp_path):
    columns = {"x": pa.nulls(4, pa.float64())}
    model = fit(tmp_path, columns, "numeric: [{columns: [x], impute: median, scale: standard}]")
    same(transform(model, {"x": pa.array([None], pa.float64())}), {"x": [0]})


def test_an_indicator_tells_what_was_missing(tmp_path):
    features = "numeric: [{columns: [x], impute: 0, indicator: true}]"
    model = fit(tmp_path, {"x": [1, 2, 3]}, features)
    expected = {"x": [5, 0], "missingindicator_x": [0, 1]}
    same(transform(model, {"x": pa.array([5, None])}), expected)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("standard", [-2 / sqrt(2), 0, NAN]),
        ("minmax", [0, 0.5, NAN]),
        ("robust", [-1, 0, NAN]),
    ],
)
def test_numbers_are_scaled_and_missing_ones_stay_missing(scale, expected, tmp_path):
    model = fit(tmp_path, {"x": range(5)}, f"numeric: [{{columns: [x], scale: {scale}}}]")
    same(transform(model, {"x": pa.array([0, 2, None])}), {"x": expected})


def test_bins_are_cut_at_quantiles(tmp_path):
    features = "numeric: [{columns: [x], impute: median, bins: 2}]"
    model = fit(tmp_path, {"x": [0, 1, 2, 3, 100, 200]}, features)
    same(transform(model, {"x": [-9.0, 2.0, 3.0, 999.0]}), {"x": [0, 0, 1, 1]})


def test_bins_can_be_columns(tmp_path):
    features = "numeric: [{columns: [x], impute: 0, bins: 2, one_hot: true}]"
    model = fit(tmp_path, {"x": [0, 1, 2, 3]}, features)
    same(transform(model, {"x": [0, 3]}), {"x_0.0": [1, 0], "x_1.0": [0, 1]})


def test_a_polynomial_has_powers_and_products(tmp_path):
    features = "numeric: [{columns: [a, b], impute: 0, polynomial: 2}]"
    model = fit(tmp_path, {"a": [1, 2], "b": [1, 2]}, features)
    expected = {"a": [2], "b": [3], "a^2": [4], "a b": [6], "b^2": [9]}
    same(transform(model, {"a": [2], "b": [3]}), expected)


def test_interactions_are_products_alone(tmp_path):
    features = "numeric: [{columns: [a, b], impute: 0, interactions: true}]"
    model = fit(tmp_path, {"a": [1, 2], "b": [1, 2]}, features)
    same(transform(model, {"a": [2], "b": [3]}), {"a": [2], "b": [3], "a b": [6]})


def test_steps_of_numbers_go_in_the_documented_order(tmp_path):
    features = "numeric: [{columns: [x], scale: minmax, impute: 0, log: true, clip: 0.1}]"
    model = fit(tmp_path, {"x": range(11)}, features)
    # Clipped to 1 and 9, then the log: 0.69 to 2.30, then 0 to 1; a missing number is 0 before it.
    low, high = log(2), log(10)
    expected = [0, 1, (0 - low) / (high - low)]
    same(transform(model, {"x": pa.array([0, 10, None])}), {"x": expected})


CITIES = ["a", "a", "a", "b", "b", "b", "c", "d"]


def test_one_hot_groups_the_rare_and_the_unknown(tmp_path):
    features = "categorical: [{columns: [t], encode: one_hot, min_frequency: 2}]"
    model = fit(tmp_path, {"t": CITIES}, features)
    assert transform(model, {"t": pa.array(["a", "b", "c", "new", None])}) == {
        "t_a": [1, 0, 0, 0, 0],
        "t_b": [0, 1, 0, 0, 0],
        "t_infrequent_sklearn": [0, 0, 1, 1, 1],
    }


def test_one_hot_of_an_unknown_value_is_all_zero_where_nothing_is_rare(tmp_path):
    model = fit(tmp_path, {"t": ["a", None, "b"]}, "categorical: [{columns: [t], encode: one_hot}]")
    assert transform(model, {"t": pa.array(["a", "new", None])}) == {
        "t_a": [1, 0, 0],
        "t_b": [0, 0, 0],
        "t_nan": [0, 0, 1],
    }


def test_one_hot_keeps_the_most_frequent_categories(tmp_path):
    features = "categorical: [{columns: [t], encode: one_hot, max_categories: 2}]"
    model = fit(tmp_path, {"t": [*CITIES, "b"]}, features)
    assert list(transform(model, {"t": ["b"]})) == ["t_b", "t_infrequent_sklearn"]


def test_categories_take_the_components_min_frequency_unless_they_say_their_own(tmp_path):
    features = """
categorical:
  - {columns: [t], encode: one_hot}
  - {columns: [u], encode: one_hot, min_frequency: 1}
"""
    model = fit(tmp_path, {"t": CITIES, "u": CITIES}, features, min_frequency=3)
    names = ["t_a", "t_b", "t_infrequent_sklearn", "u_a", "u_b", "u_c", "u_d"]
    assert list(transform(model, {"t": ["a"], "u": ["a"]})) == names


def test_ordinal_codes_follow_the_order(tmp_path):
    features = "categorical: [{columns: [t], encode: ordinal, order: [small, medium, large]}]"
    model = fit(tmp_path, {"t": ["large", "small"]}, features)
    rows = pa.array(["small", "medium", "large", "huge", None])
    same(transform(model, {"t": rows}), {"t": [0, 1, 2, -1, NAN]})


def test_whole_numbers_can_be_categories(tmp_path):
    model = fit(tmp_path, {"n": [30, 7, 7]}, "categorical: [{columns: [n], encode: ordinal}]")
    same(transform(model, {"n": pa.array([7, 30, 8, None])}), {"n": [0, 1, -1, NAN]})


def test_frequency_is_the_share_of_the_known_rows(tmp_path):
    columns = {"t": ["a", "a", "a", "b", None]}
    model = fit(tmp_path, columns, "categorical: [{columns: [t], encode: frequency}]")
    rows = pa.array(["a", "b", "new", None])
    same(transform(model, {"t": rows}), {"t": [0.75, 0.25, 0, 0]})


def test_target_encoding_answers_new_rows_with_smoothed_means_of_all_rows(tmp_path):
    columns = {"t": ["a", "a", "b", "b", "b", "b"]}
    features = "categorical: [{columns: [t], encode: target, folds: 2, smooth: 2}]"
    target = [6.0, 6.0, 0.0, 0.0, 0.0, 0.0]
    model = fit(tmp_path, columns, features, target, "regression")
    # The mean of all is 2 and counts as two rows more; of an unknown value it is all there is.
    expected = [(12 + 2 * 2) / 4, (0 + 2 * 2) / 6, 2, 2]
    same(transform(model, {"t": pa.array(["a", "b", "new", None])}), {"t": expected})


def test_target_encoding_of_several_classes_has_a_column_for_each(tmp_path):
    columns = {"t": ["a", "a", "b", "b", "c", "c"]}
    features = "categorical: [{columns: [t], encode: target, folds: 2, smooth: 0}]"
    model = fit(tmp_path, columns, features, ["red", "red", "blue", "blue", "green", "green"])
    expected = {"t_blue": [0, 1], "t_green": [0, 0], "t_red": [1, 0]}
    same(transform(model, {"t": ["a", "b"]}), expected)


def test_dates_give_parts_cycles_and_flags(tmp_path):
    features = """
datetime:
  - columns: [at]
    parts: [quarter, minute]
    cyclic: [hour, month]
    flags: [weekend, month_start, year_end]
"""
    model = fit(tmp_path, {"at": [datetime(2024, 1, 1)] * 3}, features)
    rows = pa.array([datetime(2024, 12, 31, 6, 45), datetime(2023, 9, 2), None])
    expected = {
        "at_quarter": [4, 3, NAN],
        "at_minute": [45, 0, NAN],
        "at_month_start": [0, 0, 0],
        "at_year_end": [1, 0, 0],
        "weekend__at_day_of_week": [0, 1, NAN],
        "sin__at_hour": [1, 0, NAN],
        "cos__at_hour": [0, 1, NAN],
        "sin__at_month": [0, -1, NAN],
        "cos__at_month": [1, 0, NAN],
    }
    same(transform(model, {"at": rows}), expected)


def test_dates_without_a_word_give_what_is_inferred(tmp_path):
    columns = {"day": [date(2024, 2, 29)] * 3}
    model = fit(tmp_path, columns, "datetime: [{columns: [day]}]")
    assert {"day_year", "day_month_end", "weekend__day_day_of_week"} < set(
        transform(model, columns)
    )


def test_text_becomes_the_weights_of_its_words(tmp_path):
    features = "text: [{columns: [t], min_rows: 2, max_features: 9}]"
    model = fit(tmp_path, {"t": ["good bad", "good bad", "good", None]}, features)
    # scikit-learn's idf: ln((1 + rows) / (1 + rows with the word)) + 1.
    good, bad = log(5 / 4) + 1, log(5 / 3) + 1
    length = sqrt(good**2 + bad**2)
    expected = {
        "tfidf_t__bad": [bad / length, 0, 0, 0],
        "tfidf_t__good": [good / length, 1, 0, 0],
    }
    rows = pa.array(["Bad, good!", "good", "new words", None])
    same(transform(model, {"t": rows}), expected)


def test_text_keeps_the_most_frequent_sequences(tmp_path):
    features = "text: [{columns: [t], min_rows: 1, max_features: 3, words: 2}]"
    model = fit(tmp_path, {"t": ["not good"] * 3 + ["fine day"]}, features)
    names = ["tfidf_t__good", "tfidf_t__not", "tfidf_t__not good"]
    assert list(transform(model, {"t": ["not good"]})) == names


def test_what_is_not_named_is_inferred_or_dropped(tmp_path):
    columns = {"n": [1, 2], "t": ["a", "b"], "m": [3, 4], "id": [5, 6]}
    features = "{drop: [id], numeric: [{columns: [m], scale: minmax}]}"
    model = fit(tmp_path / "infer", columns, features)
    expected = {"n": [1, 2], "t": [0, 1], "m": [0, 1]}
    same(transform(model, columns), expected)
    assert model.info.dropped == {"id": "dropped by `features`"}
    model = fit(tmp_path / "drop", columns, features.replace("{", "{rest: drop, ", 1))
    same(transform(model, columns), {"m": [0, 1]})
    assert model.info.features == ("m",)
    assert model.info.dropped["t"] == "not named by `features`"


COLUMNS = {
    "n": [1, 2, 3, 4],
    "f": [0.5, 1.5, 2.5, 3.5],
    "one": [1, 1, 1, 1],
    "t": ["a", "b", "a", "b"],
    "day": [date(2024, 1, day) for day in range(1, 5)],
}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("numerical: []", r"numerical: Extra inputs are not permitted"),
        ("numeric: [{columns: [n], standardize: true}]", r"numeric.0.standardize: Extra inputs"),
        ("numeric: [{columns: []}]", r"numeric.0.columns: List should have at least 1 item"),
        ("numeric: [{columns: n}]", r"numeric.0.columns: Input should be a valid list"),
        ("numeric: [{columns: [n], clip: 0.5}]", r"less than or equal to 0.2"),
        ("numeric: [{columns: [n], bins: 4}]", r"bins needs impute"),
        ("numeric: [{columns: [n], polynomial: 2}]", r"polynomial needs impute"),
        ("numeric: [{columns: [n], impute: 0, interactions: true}]", r"two columns at least"),
        ("numeric: [{columns: [n], impute: 0, bins: 3, polynomial: 2}]", r"exclude each other"),
        ("numeric: [{columns: [n], one_hot: true}]", r"one_hot of numbers needs bins"),
        ("numeric: [{columns: [n], impute: .nan}]", r"finite number"),
        ("categorical: [{columns: [t]}]", r"categorical.0.encode: Field required"),
        ("categorical: [{columns: [t], encode: hash}]", r"categorical.0.encode: Input should be"),
        ("categorical: [{columns: [t], encode: target, order: [a]}]", r"order says nothing"),
        ("categorical: [{columns: [t], encode: ordinal, folds: 3}]", r"folds says nothing"),
        ("datetime: [{columns: [day], parts: [century]}]", r"datetime.0.parts.0: Input should be"),
        ("datetime: [{columns: [day], parts: []}]", r"no part, cyclic or flag is left"),
        ("numeric: [{columns: [n]", r"while parsing"),
    ],
)
def test_what_the_grammar_does_not_know_is_refused(features, message, tmp_path):
    with pytest.raises(InputError, match=rf"`features` must be YAML.*{message}"):
        fit(tmp_path, COLUMNS, features)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("drop: [wage]", r"must name columns of `train`\. Found: \['wage'\]"),
        (
            "{drop: [n], numeric: [{columns: [n, f]}]}",
            r"each column once\. Found: \['n'\] in two places",
        ),
        ("numeric: [{columns: [n]}, {columns: [n]}]", r"\['n'\] in two places"),
        ("drop: [y]", r"must not name the target of `train`\. Found: 'y'"),
        ("numeric: [{columns: [t]}]", r"'t' under numeric, which reads numbers.*Found: string"),
        ("categorical: [{columns: [f], encode: one_hot}]", r"'f' under categorical.*double"),
        (
            "categorical: [{columns: [n], encode: ordinal, order: ['1']}]",
            r"'n' under categorical.*int64",
        ),
        ("datetime: [{columns: [t]}]", r"'t' under datetime, which reads dates.*string"),
        ("text: [{columns: [day]}]", r"'day' under text, which reads text.*date32"),
        ("drop: [n, f, one, t, day]", r"`features` must leave one"),
        ("rest: drop", r"`features` must leave one"),
        ("numeric: [{columns: [one], clip: 0.1}]", r"\['one'\] have low variation.*Change the"),
        ("text: [{columns: [t], min_rows: 4}]", r"do not bear. Found: .*Change the step"),
        (
            "categorical: [{columns: [t], encode: target}]",
            r"splits n_splits=5.*a row for each fold",
        ),
    ],
)
def test_what_does_not_fit_the_table_is_refused(features, message, tmp_path):
    with pytest.raises(InputError, match=message):
        fit(tmp_path, COLUMNS, features)


def test_the_log_of_negative_numbers_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no negative number.*\['n'\]"):
        fit(tmp_path, {"n": [1, -1]}, "numeric: [{columns: [n], log: true}]")


TARGET = "categorical: [{columns: [t], encode: target, folds: 2}]"


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["a"] * 4, "at least two classes"), (["a", None, "b", "a"], "Found: 1 rows without")],
    ids=["one class", "a missing target"],
)
def test_a_target_that_encodes_nothing_is_refused(labels, message, tmp_path):
    with pytest.raises(InputError, match=message):
        fit(tmp_path, {"t": ["a", "b", "a", "b"]}, TARGET, labels)


def test_columns_are_checked_before_any_row_is_read(tmp_path):
    table = write_table(tmp_path / "train", {"n": [1, 2], "y": ["a", "b"]}, "y")
    for part in tmp_path.glob("train/*.parquet"):
        part.unlink()
    with pytest.raises(InputError, match="'n' under text"):
        fit_transformer(table, 1, "text: [{columns: [n]}]")
