"""fit_performance_baseline: what is kept of a reference, and what it refuses."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from holdfast.errors import InputError
from holdfast.monitoring import calibration
from holdfast.monitoring.baseline import DOCUMENT, LOSSES, read_baseline
from holdfast.monitoring.fit_performance_baseline import page
from holdfast.monitoring.fit_performance_baseline.logic import fit
from holdfast.monitoring.scored import open_predictions
from holdfast.performance.columns import PredictionColumns
from tests.monitoring.scored_tables import FEW, baseline_of, binary, numeric, write_scored


def fitted(path, **more):
    options = {"label": "", "features": [], "exclude": ["id"]} | more
    return fit(open_predictions(str(path)), *options.values(), FEW)


def test_the_metrics_are_those_of_the_labelled_rows(tmp_path):
    truth = np.array(["yes", "no"] * 60)
    p = np.where(truth == "yes", 0.9, 0.1)
    # Of 120 rows 12 are wrong.
    p[:12] = 1 - p[:12]
    made = fitted(binary(tmp_path / "t", 120, p=p, truth=truth))
    assert made.baseline.metrics["accuracy"].value == pytest.approx(0.9)
    assert made.baseline.origin.rows == 120
    assert made.scores["accuracy_low"] < 0.9 < made.scores["accuracy_high"]


def test_rows_without_a_label_are_left_out_and_counted(tmp_path):
    truth = np.array([None, "yes", "no", "yes"] * 100, object)
    made = fitted(binary(tmp_path / "t", 400, truth=truth))
    assert (made.baseline.origin.rows, made.unlabelled) == (300, 100)


def test_a_baseline_reads_back_as_it_was_written(tmp_path):
    for make in (binary, numeric):
        made = fitted(make(tmp_path / make.__name__, 300)).baseline
        made.write(tmp_path / f"{make.__name__}-baseline")
        kept = read_baseline(tmp_path / f"{make.__name__}-baseline")
        assert (kept.origin, kept.metrics, kept.covariates) == (
            made.origin, made.metrics, made.covariates,
        )  # fmt: skip
        assert np.array_equal(kept.errors, made.errors)
        if made.calibrator:
            assert np.array_equal(kept.calibrator.values, made.calibrator.values)
        else:
            rows = np.array([[0.2, 2.0], [np.nan, 8.0]])
            assert np.array_equal(kept.losses.losses(rows)["mae"], made.losses.losses(rows)["mae"])


def test_the_same_reference_and_seed_give_the_same_bytes(tmp_path):
    for make in (binary, numeric):
        table = make(tmp_path / make.__name__, 300)
        folders = [baseline_of(table, tmp_path / f"{make.__name__}{n}") for n in (1, 2)]
        first, second = ({f.name: f.read_bytes() for f in d.iterdir()} for d in folders)
        assert first == second


def test_probabilities_that_are_too_sure_are_calibrated():
    random = np.random.default_rng(0)
    true = random.uniform(0, 1, 5_000)
    codes = (random.random(5_000) < true).astype(int)
    odds = np.log(true / (1 - true))
    sure = 1 / (1 + np.exp(-3 * odds))
    maps = calibration.fit(np.column_stack([1 - sure, sure]), codes, 0).calibrator
    # What was a chance of 0.5, 0.7 and 0.2 was said three times as sure in log odds.
    said = [1 / (1 + np.exp(-3 * np.log(t / (1 - t)))) for t in (0.5, 0.7, 0.2)]
    found = maps(np.column_stack([1 - np.array(said), said]))
    assert found[:, 1] == pytest.approx([0.5, 0.7, 0.2], abs=0.05)
    assert found.sum(axis=1) == pytest.approx([1, 1, 1])


def test_a_curve_that_is_no_logistic_one_is_calibrated_by_isotonic_regression():
    random = np.random.default_rng(0)
    said = random.uniform(0, 1, 5000)
    # True in half of the cases below 0.6, in nine of ten above.
    codes = (random.random(5000) < np.where(said < 0.6, 0.5, 0.9)).astype(int)
    maps = calibration.fit(np.column_stack([1 - said, said]), codes, 0).calibrator
    assert maps.method == "isotonic"
    found = maps(np.array([[0.7, 0.3], [0.2, 0.8]]))
    assert found[:, 1] == pytest.approx([0.5, 0.9], abs=0.04)


def test_the_trees_expect_larger_errors_where_the_reference_has_them(tmp_path):
    made = fitted(numeric(tmp_path / "t", 3000)).baseline
    losses = made.losses.losses(np.array([[0.05, 0.5], [0.95, 9.5]]))["mae"].mean(axis=0)
    # The mean absolute value of a normal error is 0.798 standard deviations: 0.55 and 1.45.
    assert losses == pytest.approx([0.44, 1.16], abs=0.25)


def test_what_the_estimate_would_have_been_for_the_reference_is_kept(tmp_path):
    for make, metric in ((binary, "roc_auc"), (numeric, "rmse")):
        scores = fitted(make(tmp_path / make.__name__, 2000)).scores
        assert scores[f"{metric}_estimated"] == pytest.approx(scores[metric], rel=0.03)


def test_columns_are_kept_as_ranges_and_values_but_ids_are_not_compared(tmp_path):
    names = [f"person {n}" for n in range(300)]
    table = binary(tmp_path / "t", 300, x=np.linspace(-1, 5, 300), name=names)
    columns = {column.name: column for column in fitted(table).baseline.covariates}
    assert set(columns) == {"x", "group", "name", "probability_yes"}
    assert (columns["x"].low, columns["x"].high) == (-1, 5)
    assert sorted(columns["group"].categories) == ["a", "b"]
    assert columns["group"].complete and not columns["name"].complete


def test_only_the_features_that_are_named_are_kept(tmp_path):
    made = fitted(binary(tmp_path / "t", 300), features=["x"])
    assert [column.name for column in made.baseline.covariates] == ["x", "probability_yes"]


def test_three_classes_have_a_map_each(tmp_path):
    random = np.random.default_rng(0)
    p = random.dirichlet([1, 1, 1], 600)
    truth = np.array([*"abc"])[(random.random(600)[:, None] > p.cumsum(axis=1)[:, :2]).sum(axis=1)]
    columns = {"target": truth, "prediction": np.array([*"abc"])[p.argmax(axis=1)]}
    columns |= {f"probability_{c}": p[:, n] for n, c in enumerate("abc")}
    meaning = PredictionColumns("classification", "target", tuple("abc"))
    made = fitted(write_scored(tmp_path / "t", columns, meaning), exclude=[]).baseline
    assert made.calibrator(p).sum(axis=1) == pytest.approx(np.ones(600))
    for metric in ("roc_auc", "accuracy", "f1"):
        assert made.estimated[metric] == pytest.approx(made.metrics[metric].value, abs=0.05)


def test_the_page_and_the_markdown_show_names_as_text(tmp_path):
    table = binary(tmp_path / "t", 300, **{"<script>": np.arange(300) % 7})
    report = page.report(fitted(table))
    assert "<script>" not in report.html() and "&lt;script&gt;" in report.html()
    assert "estimated without labels" in report.markdown()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"label": "lable"}, r"`label` must name columns .*'lable'"),
        ({"features": ["x", "z"]}, r"`features` must name columns .*'z'"),
    ],
)
def test_a_column_that_is_not_there_is_named(tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        fitted(binary(tmp_path / "t", 300), **more)


def test_what_says_nothing_of_a_model_is_refused(tmp_path):
    few = binary(tmp_path / "few", 99)
    with pytest.raises(InputError, match=r"at least 100 rows with a label. Found: 99"):
        fitted(few)
    one = binary(tmp_path / "one", 200, truth=np.array(["yes"] * 200))
    with pytest.raises(InputError, match=r"two classes at least. Found: only 'yes'"):
        fitted(one)
    other = binary(tmp_path / "other", 200, truth=np.array(["yes", "maybe"] * 100))
    with pytest.raises(InputError, match=r"Found: \['maybe'\]"):
        fitted(other)
    numbers = binary(tmp_path / "numbers", 200, truth=np.arange(200) % 2)
    with pytest.raises(InputError, match="must hold labels of the predictions' type, string"):
        fitted(numbers)


def test_two_versions_have_no_baseline_in_common(tmp_path):
    versions = ["1", "2"] * 100
    with pytest.raises(InputError, match="must be of one model"):
        fitted(binary(tmp_path / "t", 200, model_version=versions))


def test_a_plain_table_is_no_table_of_predictions(tmp_path):
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="`predictions` must be a table of predictions"):
        open_predictions(str(tmp_path / "t.parquet"))


def test_a_baseline_of_another_contract_is_refused(tmp_path):
    folder = baseline_of(binary(tmp_path / "t", 200), tmp_path / "b")
    document = json.loads((folder / DOCUMENT).read_text())
    (folder / DOCUMENT).write_text(
        json.dumps(document | {"holdfast_contract": "performance_baseline/9"})
    )
    with pytest.raises(InputError, match=r"`baseline` must be .*'performance_baseline/9'"):
        read_baseline(folder)
    with pytest.raises(InputError, match="`baseline` must be a performance baseline"):
        read_baseline(tmp_path)


def test_nothing_but_trees_is_loaded_from_a_baseline(tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    folder = baseline_of(numeric(tmp_path / "t", 200), tmp_path / "b")
    (folder / LOSSES).write_bytes(skops.io.dumps({"mae": FunctionTransformer(os.system)}))
    with pytest.raises(InputError, match="must hold trees"):
        read_baseline(folder)
