"""batch_predict: what is written of each row, what is set aside, and what is refused."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from holdfast.errors import InputError
from holdfast.model import Model, ModelInfo, feature_frame
from holdfast.performance.columns import columns_of
from holdfast.serving.batch_predict import logic, subject
from holdfast.serving.batch_predict.logic import Choice, Request, predict
from holdfast.serving.batch_predict.scoring import Scorer
from holdfast.serving.batch_predict.subject import Subject, find_model
from holdfast.table import open_table
from tests.evaluation.answering import classifier, regressor, two_classes
from tests.training.samples import bundled, digests, save, train_model, write_table

NOON = "2026-11-21T12:00:00Z"


def score(tmp_path, table, model, name="done", **request):
    """Score a table with a model; what is not said is the usual."""
    choice = Choice(*(tuple(request.pop(each, ())) for each in ("keep", "key", "parse")))
    wanted = Request(choice, **{"predicted_at": NOON, **request})
    chosen = model if isinstance(model, Subject) else Subject(model, "churn", 3)
    return predict(table, chosen, tmp_path / name, tmp_path / f"{name}-aside", wanted)


def table_of(tmp_path, columns, name="inputs"):
    return write_table(tmp_path / name, columns)


def probability_p():
    """Return a model whose probability of `yes` is the feature p itself."""
    return classifier(lambda frame: two_classes(frame["p"]))


@pytest.fixture(scope="module")
def cancer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cancer")
    table = bundled(folder / "table", "breast_cancer")
    return table, train_model(table)


def test_each_row_goes_on_with_its_answer_and_where_it_comes_from(tmp_path):
    table = table_of(tmp_path, {"id": [7, 8], "p": [0.25, 0.75]})
    done = score(tmp_path, table, probability_p())
    rows = done.predictions.read()
    assert rows.column_names == [
        "id", "p", "prediction", "probability_no", "probability_yes", "model_name",
        "model_version", "data_sha256", "predicted_at",
    ]  # fmt: skip
    assert rows.select(["id", "prediction", "probability_no", "probability_yes"]).to_pylist() == [
        {"id": 7, "prediction": "no", "probability_no": 0.75, "probability_yes": 0.25},
        {"id": 8, "prediction": "yes", "probability_no": 0.25, "probability_yes": 0.75},
    ]
    first = rows.to_pylist()[0]
    assert (first["model_name"], first["model_version"]) == ("churn", 3)
    assert first["data_sha256"] == table.sha256
    assert first["predicted_at"].isoformat() == "2026-11-21T12:00:00+00:00"
    assert done.verdict.decision == "pass"


def test_a_table_of_predictions_says_what_its_columns_mean(tmp_path):
    done = score(tmp_path, table_of(tmp_path, {"p": [0.5]}), probability_p())
    found = columns_of(done.predictions.schema, "predictions")
    assert (found.task, found.target, found.classes) == ("classification", "y", ("no", "yes"))


def test_the_artifact_says_model_rows_and_data(tmp_path):
    table = table_of(tmp_path, {"p": [0.5, 0.1]})
    said = score(tmp_path, table, probability_p()).metadata()
    assert said["rows"] == 2
    assert (said["model_name"], said["model_version"]) == ("churn", 3)
    assert said["data_sha256"] == table.sha256
    assert None not in said.values()


def test_the_answers_are_those_of_the_pipeline_to_the_last_bit(cancer, tmp_path):
    table, model = cancer
    rows = score(tmp_path, table, model).predictions.read()
    frame = feature_frame(table.read(), model.info.features)
    expected = model.pipeline.predict_proba(frame)
    names = [f"probability_{label}" for label in model.info.classes]
    assert np.array_equal(np.column_stack([rows.column(name) for name in names]), expected)
    assert rows.column("prediction").to_pylist() == model.pipeline.predict(frame).tolist()


def test_batches_do_not_change_an_answer(cancer, tmp_path, monkeypatch):
    table, model = cancer
    whole = score(tmp_path, table, model)
    monkeypatch.setattr("holdfast.serving.batch_predict.scoring.BATCH_ROWS", 100)
    assert score(tmp_path, table, model, "cut").predictions.sha256 == whole.predictions.sha256


def test_a_regression_is_written_as_numbers(tmp_path):
    table = table_of(tmp_path, {"p": [1.0, 2.0]})
    done = score(tmp_path, table, regressor(lambda frame: frame["p"].to_numpy() * 10))
    assert done.predictions.read().column("prediction").to_pylist() == [10.0, 20.0]
    assert not [name for name in done.predictions.schema.names if name.startswith("probability")]
    assert done.metrics["prediction_mean"] == 15
    assert (done.metrics["prediction_lowest"], done.metrics["prediction_highest"]) == (10, 20)


def test_the_same_table_model_and_time_give_the_same_bytes(cancer, tmp_path):
    table, model = cancer
    for name in ("one", "two"):
        score(tmp_path, table, model, name)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    score(tmp_path, table, model, "later", predicted_at="2026-11-21T13:00:00Z")
    assert digests(tmp_path / "later") != digests(tmp_path / "one")


@pytest.mark.parametrize(
    ("text", "utc"),
    [("2026-11-21", "2026-11-21T00:00:00+00:00"),
     ("2026-11-21T12:00:00+02:00", "2026-11-21T10:00:00+00:00")],
)  # fmt: skip
def test_a_time_without_an_offset_is_utc(text, utc, tmp_path):
    done = score(tmp_path, table_of(tmp_path, {"p": [0.5]}), probability_p(), predicted_at=text)
    assert done.stamp.predicted_at.isoformat() == utc


@pytest.mark.parametrize("text", ["noon", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_refused(text, tmp_path):
    with pytest.raises(InputError, match=rf"`predicted_at` must be a time .*'{re.escape(text)}'"):
        score(tmp_path, table_of(tmp_path, {"p": [0.5]}), probability_p(), predicted_at=text)


# What is set aside.


def reasons(done):
    return done.quarantine.read().column("quarantine_reasons").to_pylist()


def test_infinite_numbers_are_set_aside_and_the_counts_add_up(tmp_path):
    table = table_of(tmp_path, {"id": [1, 2, 3, 4], "p": [0.1, np.inf, 0.3, -np.inf]})
    done = score(tmp_path, table, probability_p(), max_quarantine_share=0.5)
    assert reasons(done) == ["infinite_number: p"] * 2
    assert done.quarantine.read().column("id").to_pylist() == [2, 4]
    assert done.predictions.read().column("id").to_pylist() == [1, 3]
    assert done.predictions.rows + done.quarantine.rows == table.rows
    assert done.metrics["quarantined_rows"] == 2
    assert done.verdict.decision == "warn"
    (reason,) = done.verdict.reasons
    assert (reason.code, reason.subject, reason.share) == ("infinite_number", "p", 0.5)


def test_too_many_rows_set_aside_fail(tmp_path):
    table = table_of(tmp_path, {"p": [0.1, np.inf, 0.3, 0.4]})
    done = score(tmp_path, table, probability_p(), max_quarantine_share=0.2)
    assert done.verdict.decision == "fail"
    assert done.verdict.reasons[0].code == "too_many_set_aside"
    assert done.predictions.rows == 3


def fitted(estimator, columns, classes=("no", "yes")):
    """Fit an estimator to columns of numbers; `y` is the target."""
    table = pa.table(columns)
    names = tuple(name for name in table.column_names if name != "y")
    frame = feature_frame(table, names)
    pipeline = Pipeline([("estimator", estimator)]).fit(frame, columns["y"])
    return Model(pipeline, ModelInfo("y", "classification", names, names, classes=classes))


def test_a_missing_value_that_the_model_takes_is_scored(cancer, tmp_path):
    table, model = cancer
    rows = table.read().slice(0, 3)
    column = rows.schema.get_field_index("mean radius")
    holes = rows.set_column(column, "mean radius", pa.array([None, 1.0, None]))
    columns = {name: holes.column(name) for name in holes.column_names}
    done = score(tmp_path, table_of(tmp_path, columns), model)
    assert (done.predictions.rows, done.quarantine.rows) == (3, 0)


def test_a_missing_value_that_the_model_needs_sets_its_row_aside(tmp_path):
    model = fitted(
        LogisticRegression(), {"a": [0.0, 1, 2], "b": [0.0, 1, 1], "y": ["no", "yes", "yes"]}
    )
    rows = {"a": [None, 1.0, np.nan, 1.0], "b": [1.0, 1.0, None, 0.0]}
    done = score(tmp_path, table_of(tmp_path, rows), model, max_quarantine_share=1)
    assert reasons(done) == ["missing_value: a", "missing_value: a, b"]
    assert done.predictions.rows == 2


def test_only_the_features_without_which_it_can_not_do_are_to_blame(tmp_path):
    class Half(LogisticRegression):
        """Reads a missing b as 0."""

        def predict_proba(self, frame):
            return super().predict_proba(frame.fillna({"b": 0.0}))

    model = fitted(Half(), {"a": [0.0, 1, 2], "b": [0.0, 1, 1], "y": ["no", "yes", "yes"]})
    rows = {"a": [None, 1.0, 1.0], "b": [None, None, 1.0]}
    done = score(tmp_path, table_of(tmp_path, rows), model, max_quarantine_share=1)
    assert reasons(done) == ["missing_value: a"]
    assert done.predictions.rows == 2


def test_a_number_too_large_for_the_model_sets_its_row_aside_and_no_other(tmp_path):
    tree = DecisionTreeClassifier()
    model = fitted(tree, {"a": [0.0, 1.0, 2.0], "y": ["no", "yes", "yes"]})
    rows = {"a": [0.0] * 50 + [1e300] + [1.0] * 49}
    done = score(tmp_path, table_of(tmp_path, rows), model)
    (reason,) = reasons(done)
    assert reason.startswith("refused_by_model: Input X contains infinity or a value too large")
    assert done.predictions.rows == 99


def test_a_librarys_time_and_place_in_its_source_are_left_out_of_the_reason(tmp_path):
    def refuse(frame):
        if (frame["p"] > 1).any():
            raise ValueError("[18:06:08] ../src/data.cc:57: Check failed: small\nStack trace:")
        return two_classes(frame["p"])

    done = score(
        tmp_path, table_of(tmp_path, {"p": [0.5, 2.0]}), classifier(refuse), max_quarantine_share=1
    )
    assert reasons(done) == ["refused_by_model: Check failed: small"]


def test_an_answer_that_is_not_finite_sets_its_row_aside(tmp_path):
    table = table_of(tmp_path, {"p": [1.0, 0.0, 2.0]})
    with np.errstate(divide="ignore"):
        done = score(
            tmp_path, table, regressor(lambda f: 1 / f["p"].to_numpy()), max_quarantine_share=1
        )
    assert reasons(done) == ["answer_not_finite"]
    assert done.predictions.read().column("prediction").to_pylist() == [1.0, 0.5]


def test_a_model_that_refuses_most_rows_is_told_and_nothing_is_left(tmp_path):
    def refuse(frame):
        raise ValueError("never")

    table = table_of(tmp_path, {"p": np.linspace(0, 1, 2000)})
    with pytest.raises(InputError, match=r"refuses more than 500 of 2000 rows .* never"):
        score(tmp_path, table, classifier(refuse))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inputs"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_text_is_read_as_numbers_and_dates_where_that_is_asked_for(kind, tmp_path):
    rows = {"p": pa.array(["0.25", " 1e-1 ", "n/a", "", None, "inf"], kind)}
    model = classifier(lambda frame: two_classes(frame["p"].fillna(0.5)))
    done = score(tmp_path, table_of(tmp_path, rows), model, parse=["p"], max_quarantine_share=1)
    found = done.predictions.read()
    assert found.column("probability_yes").to_pylist() == [0.25, 0.1, 0.5, 0.5]
    # The column itself goes along as it came.
    assert found.column("p").to_pylist() == ["0.25", " 1e-1 ", "", None]
    assert reasons(done) == ["unparsable_value: p", "infinite_number: p"]


def test_dates_as_text_are_read_where_that_is_asked_for(tmp_path):
    info = ModelInfo("y", "regression", ("day",), temporal=("day",))
    model = Model(regressor(lambda frame: frame["day"].dt.day.astype(float)).pipeline, info)
    rows = {"day": ["2026-11-21", "21.11.2026", "2026-11-02T23:00:00Z"]}
    done = score(tmp_path, table_of(tmp_path, rows), model, parse=["day"], max_quarantine_share=1)
    assert done.predictions.read().column("prediction").to_pylist() == [21.0, 2.0]
    assert reasons(done) == ["unparsable_value: day"]


def test_bytes_that_are_no_text_are_no_number(tmp_path):
    rows = pa.table({"p": pa.array([b"0.25", b"0.5\xff", None]).view(pa.string())})
    pq.write_table(rows, tmp_path / "broken.parquet")
    model = classifier(lambda frame: two_classes(frame["p"].fillna(0.5)))
    table = open_table(tmp_path / "broken.parquet")
    done = score(tmp_path, table, model, parse=["p"], max_quarantine_share=1)
    assert done.quarantine.read(["quarantine_reasons"]).to_pylist() == [
        {"quarantine_reasons": "unparsable_value: p"}
    ]
    assert done.predictions.read().column("probability_yes").to_pylist() == [0.25, 0.5]


def test_a_table_of_bad_rows_alone_is_set_aside_whole(tmp_path):
    table = table_of(tmp_path, {"p": [np.inf] * 3})
    done = score(tmp_path, table, probability_p())
    assert (done.predictions.rows, done.quarantine.rows) == (0, 3)
    assert (done.verdict.decision, done.metrics["quarantine_share"]) == ("fail", 1)
    assert done.predictions.schema.names[:2] == ["p", "prediction"]


# Columns.


def test_the_target_is_carried_along_and_never_read(tmp_path):
    def seen(frame):
        assert list(frame) == ["p"]
        return two_classes(frame["p"])

    table = table_of(tmp_path, {"p": [0.5], "y": ["no"], "other": [1]})
    done = score(tmp_path, table, classifier(seen), keep=["p"])
    assert done.predictions.schema.names[:2] == ["p", "y"]
    assert "other" not in done.predictions.schema.names
    assert done.predictions.target == "y"


def test_keys_go_along_whatever_is_kept_and_quarantine_has_all(tmp_path):
    table = table_of(tmp_path, {"id": [1, 2], "p": [0.5, np.inf], "a": [1, 2], "b": [1, 2]})
    done = score(tmp_path, table, probability_p(), keep=["a"], key=["id"], max_quarantine_share=1)
    assert done.predictions.schema.names[:3] == ["id", "a", "prediction"]
    assert done.quarantine.schema.names == ["id", "p", "a", "b", "quarantine_reasons"]


@pytest.mark.parametrize("kind", [pa.string(), pa.null()])
def test_a_column_without_a_value_is_missing_whatever_its_type(kind, tmp_path):
    model = classifier(lambda frame: two_classes(frame["p"].fillna(0.25).astype(float)))
    done = score(tmp_path, table_of(tmp_path, {"p": pa.nulls(2, kind)}), model)
    assert done.predictions.read().column("probability_yes").to_pylist() == [0.25, 0.25]
    # A CSV file of a header alone.
    none = score(tmp_path, table_of(tmp_path, {"p": pa.nulls(0, kind)}, "none"), model, "empty")
    assert (none.predictions.rows, none.verdict.decision) == (0, "warn")


def test_a_feature_that_the_model_reads_as_text_is_not_parsed(tmp_path):
    model = classifier(lambda frame: two_classes(frame["p"]), text=("kind",))
    table = table_of(tmp_path, {"p": [0.5], "kind": ["a"]})
    with pytest.raises(InputError, match=r"`parse` must name features .*'kind'.*among \['p'\]"):
        score(tmp_path, table, model, parse=["kind"])


@pytest.mark.parametrize("parameter", ["keep", "key", "parse"])
def test_a_column_that_is_not_there_is_refused(parameter, tmp_path):
    table = table_of(tmp_path, {"p": [0.5]})
    with pytest.raises(InputError, match=rf"`{parameter}` must name .*'nobody'"):
        score(tmp_path, table, probability_p(), **{parameter: ["nobody"]})


def test_a_table_without_a_feature_is_refused_before_a_row_is_scored(tmp_path):
    def never(frame):
        raise AssertionError

    with pytest.raises(InputError, match=r"`inputs` lacks \['p'\]"):
        score(tmp_path, table_of(tmp_path, {"q": [0.5]}), classifier(never))
    with pytest.raises(InputError, match=r"`inputs` must hold \['p'\] as numbers.*in `parse`"):
        score(tmp_path, table_of(tmp_path, {"p": ["0.5"]}, "text"), classifier(never))
    zipped = classifier(never, numeric=(), text=("zip",))
    with pytest.raises(InputError, match=r"`inputs` must hold 'zip' as text.*int64"):
        score(tmp_path, table_of(tmp_path, {"zip": [12345]}, "zip"), zipped)


@pytest.mark.parametrize(
    "name", ["prediction", "probability_yes", "model_version", "quarantine_reasons"]
)
def test_a_name_that_is_written_here_is_refused(name, tmp_path):
    table = table_of(tmp_path, {"p": [0.5], name: [1]})
    with pytest.raises(InputError, match=rf"`inputs` must have no column .*'{name}'"):
        score(tmp_path, table, probability_p())


def test_a_column_of_such_a_name_may_stay_behind(tmp_path):
    table = table_of(tmp_path, {"p": [0.5], "prediction": [1]})
    done = score(tmp_path, table, probability_p(), keep=["p"])
    assert done.predictions.schema.names[:2] == ["p", "prediction"]
    assert done.predictions.schema.field("prediction").type == pa.string()


def test_an_empty_table_gives_an_empty_table_of_predictions(cancer, tmp_path):
    table, model = cancer
    none = table.read().slice(0, 0)
    empty = table_of(tmp_path, {name: none.column(name) for name in none.column_names})
    done = score(tmp_path, empty, model)
    assert (done.predictions.rows, done.quarantine.rows) == (0, 0)
    assert done.predictions.schema == score(tmp_path, table, model, "full").predictions.schema
    assert done.verdict.decision == "warn"
    assert done.verdict.reasons[0].code == "no_rows"


def test_another_teams_parquet_file_is_scored_and_hashed(tmp_path):
    rows = pa.table({"p": [0.5], "kind": pa.array(["a"]).dictionary_encode()})
    pq.write_table(rows, tmp_path / "theirs.parquet")
    done = score(tmp_path, open_table(tmp_path / "theirs.parquet"), probability_p())
    assert done.predictions.schema.field("kind").type == pa.string()
    assert len(done.stamp.data_sha256) == 64


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share, tmp_path):
    with pytest.raises(InputError, match="`max_quarantine_share`"):
        score(tmp_path, table_of(tmp_path, {"p": [0.5]}), probability_p(),
              max_quarantine_share=share)  # fmt: skip


# The model.


def test_a_model_that_was_fetched_knows_its_name_and_version(cancer, tmp_path):
    table, model = cancer
    folder = save(model, table, tmp_path / "model")
    assert find_model(str(folder), "", "champion").version == 0
    (folder / subject.META).write_text("model_name: churn\nmodel_version: '4'\n")
    found = find_model(str(folder), "", "champion")
    assert (found.name, found.version, found.model.info) == ("churn", 4, model.info)


def test_a_registered_model_is_found_by_number_and_by_alias(cancer, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    table, model = cancer
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/store.db")
    client = MlflowClient()
    client.create_registered_model("churn")
    folder = save(model, table, tmp_path / "model")
    for _ in range(2):
        client.create_model_version("churn", str(folder))
    client.set_registered_model_alias("churn", "champion", "2")
    for reference, version in (("1", 1), ("champion", 2)):
        found = find_model("", "churn", reference)
        assert (found.name, found.version, found.model.info) == ("churn", version, model.info)
    with pytest.raises(InputError, match=r"a version with the alias 'challenger'"):
        find_model("", "churn", "challenger")
    with pytest.raises(InputError, match=r"'churn' must have a version 3. Found: .*versions 1, 2"):
        find_model("", "churn", "3")


@pytest.mark.parametrize(("path", "name"), [("", ""), ("somewhere", "churn")])
def test_one_model_must_be_named_and_not_two(path, name):
    with pytest.raises(InputError, match="must be told one model"):
        find_model(path, name, "champion")


def test_the_report_shows_what_was_done_and_escapes_names(tmp_path):
    table = table_of(tmp_path, {"p": [0.25, np.inf]})
    wanted = Subject(probability_p(), "<b>churn", 3)
    done = score(tmp_path, table, wanted, max_quarantine_share=1)
    done.write(tmp_path / "verdict", tmp_path / "page.html", tmp_path / "page.md")
    page = (tmp_path / "page.html").read_text()
    assert "Scored: 1 of 2 rows. Set aside: 1." in page
    assert "&lt;b&gt;churn version 3" in page
    assert "<b>churn" not in page
    assert json.loads((tmp_path / "verdict").read_text())["decision"] == "warn"


def test_metrics_tell_how_the_answers_are_spread(tmp_path):
    table = table_of(tmp_path, {"p": [0.25, 0.75, 1.0, 0.5]})
    metrics = score(tmp_path, table, probability_p()).metrics
    # Of one half each, the first class is the answer.
    assert (metrics["share_no"], metrics["share_yes"]) == (0.5, 0.5)
    assert metrics["mean_probability_yes"] == 0.625
    assert logic.Request().max_quarantine_share == 0.1


def test_text_that_is_no_text_sets_its_row_aside(tmp_path):
    rows = pa.table({"kind": pa.array([b"a", b"\xff\xfe", b"b"]).view(pa.string())})
    pq.write_table(rows, tmp_path / "broken.parquet")
    model = classifier(
        lambda frame: two_classes(frame["kind"].to_numpy() == "a"), numeric=(), text=("kind",)
    )
    done = score(tmp_path, open_table(tmp_path / "broken.parquet"), model, max_quarantine_share=1)
    (reason,) = done.quarantine.read(["quarantine_reasons"]).column(0).to_pylist()
    assert reason.startswith("refused_by_model: ")
    # What a library says may hold a value: it stays beside the row.
    assert reason.partition(": ")[2] not in done.report.html() + str(done.verdict)
    assert done.predictions.read().column("prediction").to_pylist() == ["yes", "no"]


def test_no_more_than_a_batch_is_in_memory(tmp_path, monkeypatch):
    seen = []

    def remember(frame):
        seen.append(len(frame))
        return two_classes(frame["p"])

    def never(self, columns=None):
        raise AssertionError

    table = table_of(tmp_path, {"p": np.linspace(0, 1, 1000)})
    monkeypatch.setattr("holdfast.serving.batch_predict.scoring.BATCH_ROWS", 300)
    monkeypatch.setattr("holdfast.table.Table.read", never)
    done = score(tmp_path, table, classifier(remember))
    assert seen == [300, 300, 300, 100]
    assert done.predictions.rows == 1000


def test_wide_transformers_get_fewer_rows_at_a_time(cancer, monkeypatch):
    scorer = Scorer(cancer[1])
    monkeypatch.setattr("holdfast.serving.batch_predict.scoring.BATCH_VALUES", 3000)
    # 30 features, and as many columns of the transformed batch.
    assert scorer.batch_rows == 100
