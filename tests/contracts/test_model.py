"""The model contract: what is saved, what comes back, and what is refused."""

import json
import os
import pickle
import subprocess
import sys
import zipfile
from datetime import date, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from holdfast.errors import InputError
from holdfast.model import (
    REQUIREMENTS,
    ModelInfo,
    feature_frame,
    load_model,
    require_features,
    save_model,
)
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.fit_transformer.remarks import TELLS_TARGET
from tests.training.everything import everything, train_everything
from tests.training.samples import ROOT, bundled, digests, frame_of, save, train_model, write_table

NUMBERS = [1, 2, 3, 4] * 5
COLOURS = ["red", "blue", None, "red"] * 5
LABELS = ["good", "bad", "bad", "good"] * 5


@pytest.fixture
def table(tmp_path):
    columns = {"size": NUMBERS, "colour": COLOURS, "quality": LABELS}
    return write_table(tmp_path / "table", columns, "quality")


@pytest.fixture
def model(table):
    return train_model(table)


@pytest.fixture
def saved(model, table, tmp_path):
    return save(model, table, tmp_path / "model")


def python(code, *arguments, **variables):
    """Run code in a fresh process and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **variables},
        check=True,
        stdout=subprocess.PIPE,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("full", "with_missing"),
    [
        (pa.array([1, 2]), pa.array([1, None])),
        (pa.array([0.5, 2.0]), pa.array([0.5, None])),
        (pa.array([True, False]), pa.array([True, None])),
        (pa.array(["a", "b"]), pa.array(["a", None])),
        (pa.array([date(2024, 1, 1), date(2024, 1, 2)]), pa.array([date(2024, 1, 1), None])),
        (pa.array([1, 2], pa.timestamp("ns")), pa.array([1, None], pa.timestamp("ns"))),
    ],
    ids=["integers", "floats", "booleans", "text", "dates", "timestamps"],
)
def test_a_missing_value_never_changes_the_type_of_a_column(full, with_missing):
    whole = feature_frame(pa.table({"x": full}), ["x"])["x"]
    holed = feature_frame(pa.table({"x": with_missing}), ["x"])["x"]
    assert whole.dtype == holed.dtype
    assert whole[0] == holed[0]
    assert holed.isna().tolist() == [False, True]


def test_numbers_and_booleans_are_read_as_floats_and_text_as_text():
    rows = pa.table({"i": [7], "f": [0.5], "b": [True], "t": ["x"], "other": [0]})
    frame = feature_frame(rows, ["t", "b", "f", "i"])
    assert frame.dtypes.astype(str).to_dict() == {
        "t": "str",
        "b": "float64",
        "f": "float64",
        "i": "float64",
    }
    assert frame.iloc[0].tolist() == ["x", 1.0, 0.5, 7.0]


def test_dates_and_times_are_read_as_times_in_utc():
    karachi = timezone(timedelta(hours=5))
    rows = pa.table(
        {
            "day": [date(2024, 2, 29)],
            "naive": [datetime(2024, 2, 29, 12)],
            "aware": pa.array([datetime(2024, 3, 1, 3, tzinfo=karachi)]),
            "nanoseconds": pa.array([1_999], pa.timestamp("ns")),
            "never": [datetime(9999, 12, 31)],
        }
    )
    frame = feature_frame(rows, rows.schema.names)
    assert set(frame.dtypes.astype(str)) == {"datetime64[us]"}
    assert frame.iloc[0].map(str).tolist() == [
        "2024-02-29 00:00:00",
        "2024-02-29 12:00:00",
        "2024-02-29 22:00:00",
        "1970-01-01 00:00:00.000001",
        "9999-12-31 00:00:00",
    ]


def test_integers_that_a_float_cannot_hold_exactly_are_read_as_the_nearest_float():
    frame = feature_frame(pa.table({"id": [2**53 + 1]}), ["id"])
    assert frame["id"].tolist() == [2.0**53]


def test_a_model_answers_bit_for_bit_the_same_in_a_fresh_process(saved, model, table, tmp_path):
    code = """
import sys
import numpy as np
from holdfast.model import feature_frame, load_model
from holdfast.table import open_table
model = load_model(sys.argv[1])
rows = open_table(sys.argv[2]).read()
np.save(sys.argv[3], model.pipeline.predict_proba(feature_frame(rows, model.info.features)))
"""
    python(code, saved, table.path, tmp_path / "answers.npy")
    answers = np.load(tmp_path / "answers.npy")
    expected = model.pipeline.predict_proba(frame_of(table, model))
    assert (answers.dtype, answers.tobytes()) == (expected.dtype, expected.tobytes())


def test_what_a_model_says_about_itself_comes_back(saved, model, table):
    assert load_model(saved).info == model.info
    assert model.info == ModelInfo(
        "quality",
        "classification",
        ("size", "colour"),
        ("size",),
        classes=("bad", "good"),
        trained_on=table.sha256,
        remarks={"colour": TELLS_TARGET},
    )


def test_the_hash_of_the_locked_holdout_comes_back(table, tmp_path):
    columns = {"size": NUMBERS, "colour": COLOURS, "quality": LABELS}
    locked = write_table(tmp_path / "locked", columns, "quality", holdout="abc")
    path = save(train_model(locked), locked, tmp_path / "saved")
    assert load_model(path).info.holdout_sha256 == "abc"
    described = yaml.safe_load((path / "MLmodel").read_text())
    assert described["metadata"]["holdout_sha256"] == "abc"


def test_a_model_of_before_the_lock_and_the_dates_still_loads(saved):
    described = yaml.safe_load((saved / "MLmodel").read_text())
    for key in ("holdout_sha256", "temporal", "remarks"):
        del described["metadata"][key]
    (saved / "MLmodel").write_text(yaml.safe_dump(described))
    info = load_model(saved).info
    assert (info.holdout_sha256, info.temporal, info.remarks) == ("", (), {})


def test_the_same_model_gives_the_same_bytes_in_two_processes(table, tmp_path):
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "tests.training.save_sample_model"]
        subprocess.run(
            [*command, table.path, tmp_path / seed],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
    first = digests(tmp_path / "1")
    assert "model.skops" in first
    assert first == digests(tmp_path / "2")


def test_models_that_differ_have_different_identities(model, table, tmp_path):
    paths = save(model, table, tmp_path / "a"), save(train_model(table, 11), table, tmp_path / "b")
    first, second = (yaml.safe_load((path / "MLmodel").read_text()) for path in paths)
    assert first["model_uuid"] != second["model_uuid"]


MLFLOW_ALONE = """
import json, sys
import mlflow, pandas
model = getattr(mlflow, sys.argv[1]).load_model(sys.argv[2])
kinds = {"size": "float64", "colour": "str"}
answers = model.predict(pandas.read_json(sys.argv[3], dtype=kinds))
assert not [name for name in sys.modules if name.startswith("holdfast")]
print(json.dumps(list(answers)))
"""


@pytest.mark.parametrize("flavour", ["pyfunc", "sklearn"])
def test_mlflow_alone_loads_a_model_and_answers_the_same(flavour, saved, model, table, tmp_path):
    frame = frame_of(table, model)
    frame.to_json(tmp_path / "rows.json")
    answers = json.loads(python(MLFLOW_ALONE, flavour, saved, tmp_path / "rows.json"))
    assert answers == model.pipeline.predict(frame).tolist()
    assert set(answers) == {"good", "bad"}


EVERYTHING_ALONE = """
import sys
sys.modules["holdfast"] = None
import mlflow, numpy, pandas
model = getattr(mlflow, sys.argv[1]).load_model(sys.argv[2])
numpy.save(sys.argv[4], model.predict(pandas.read_parquet(sys.argv[3])))
"""


@pytest.fixture(scope="module")
def every_step(tmp_path_factory):
    """Return a table, a model with every kind of step, and where it is saved."""
    path = tmp_path_factory.mktemp("every_step")
    table = everything(path / "table")
    model = train_everything(table)
    return table, model, save(model, table, path / "model")


@pytest.mark.parametrize("flavour", ["pyfunc", "sklearn"])
def test_every_kind_of_step_answers_bit_for_bit_the_same_without_our_code(
    flavour, every_step, tmp_path
):
    table, model, saved = every_step
    frame = frame_of(table, model)
    frame.to_parquet(tmp_path / "rows.parquet")
    answers = tmp_path / "answers.npy"
    python(EVERYTHING_ALONE, flavour, saved, tmp_path / "rows.parquet", answers)
    expected = model.pipeline.predict(frame)
    assert len(set(expected.tolist())) > 100
    assert np.load(answers).tobytes() == expected.tobytes()


def test_rows_answer_alone_as_they_do_together(every_step):
    table, model, saved = every_step
    frame = frame_of(table, model)
    transform = load_model(saved).pipeline[:-1].transform
    together = transform(frame)
    for row in range(20):
        assert transform(frame.iloc[[row]]).astype(float).tobytes() == together[[row]].tobytes()


def test_every_kind_of_step_gives_the_same_bytes_in_another_process(every_step, tmp_path):
    table, _, saved = every_step
    subprocess.run(
        [sys.executable, "-m", "tests.training.everything", table.path, tmp_path / "again"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        check=True,
    )
    assert digests(tmp_path / "again") == digests(saved)


def test_a_model_names_what_its_steps_need_beside_the_requirements_of_all(every_step):
    lines = (every_step[2] / "requirements.txt").read_text().splitlines()
    assert {line.partition("==")[0] for line in lines} - set(REQUIREMENTS) == {"feature-engine"}


def test_dates_are_dates_in_the_signature(every_step):
    signature = yaml.safe_load((every_step[2] / "MLmodel").read_text())["signature"]
    inputs = {column["name"]: column["type"] for column in json.loads(signature["inputs"])}
    assert (inputs["at"], inputs["inferred_date"], inputs["zip"]) == (
        "datetime",
        "datetime",
        "double",
    )


def test_a_date_that_became_text_is_refused_with_its_name(every_step, tmp_path):
    table, model, _ = every_step
    rows = table.read()
    moved = rows.set_column(rows.schema.get_field_index("at"), "at", rows["at"].cast(pa.string()))
    columns = {name: moved.column(name) for name in moved.schema.names}
    other = write_table(tmp_path / "other", columns, "y", "regression")
    with pytest.raises(InputError, match=r"`current` must hold 'at' as dates.*Found: string"):
        require_features(other, model, "current")


def test_the_first_rows_of_the_table_are_the_example(saved):
    example = json.loads((saved / "input_example.json").read_text())
    assert example["columns"] == ["size", "colour"]
    assert example["data"] == [[1.0, "red"], [2.0, "blue"], [3.0, None]]


def test_the_example_is_plain_json_where_a_number_is_missing(tmp_path):
    sizes = [1.5, None, 3.5, 4.5] * 5
    table = write_table(tmp_path / "t", {"size": sizes, "quality": LABELS}, "quality")
    folder = save(train_model(table), table, tmp_path / "m")
    for file in folder.glob("*input_example.json"):
        assert "NaN" not in file.read_text()
    assert json.loads((folder / "input_example.json").read_text())["data"][1] == [None]


def test_the_signature_lists_the_features_and_their_types(saved):
    signature = yaml.safe_load((saved / "MLmodel").read_text())["signature"]
    inputs = {column["name"]: column["type"] for column in json.loads(signature["inputs"])}
    assert inputs == {"size": "double", "colour": "string"}
    assert [column["type"] for column in json.loads(signature["outputs"])] == ["string"]


@pytest.mark.parametrize(
    ("labels", "task", "kind"),
    [
        ([5, 7] * 10, "classification", "long"),
        ([True, False] * 10, "classification", "boolean"),
        ([0.5, 1.5] * 10, "regression", "double"),
    ],
)
def test_the_signature_says_the_type_of_the_answer(labels, task, kind, tmp_path):
    table = write_table(tmp_path / "table", {"size": NUMBERS, "y": labels}, "y", task)
    saved = save(train_model(table), table, tmp_path / "model")
    signature = yaml.safe_load((saved / "MLmodel").read_text())["signature"]
    assert [column["type"] for column in json.loads(signature["outputs"])] == [kind]


def test_the_requirements_are_the_installed_versions(saved):
    lines = (saved / "requirements.txt").read_text().splitlines()
    assert lines == [f"{name}=={version(name)}" for name in REQUIREMENTS]


def test_a_model_directory_holds_no_pickle(saved):
    with zipfile.ZipFile(saved / "model.skops") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= {path.name: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    # Every pickle of protocol 2 and later starts with this byte.
    assert not [name for name, content in contents.items() if content.startswith(b"\x80")]
    assert not [name for name in contents if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_a_model_with_a_type_that_is_not_trusted_is_refused(saved, model):
    import skops.io
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    function = FunctionTransformer(subprocess.getoutput)
    skops.io.dump(Pipeline([("function", function), *model.pipeline.steps]), saved / "model.skops")
    with pytest.raises(InputError, match=r"`challenger`.*getoutput"):
        load_model(saved, "challenger")


class MakesFile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_the_place_of_the_model_is_refused_and_not_run(saved, tmp_path):
    harm = tmp_path / "harm"
    (saved / "model.skops").write_bytes(pickle.dumps(MakesFile(harm)))
    with pytest.raises(InputError, match="`model` must be an MLflow model directory"):
        load_model(saved)
    assert not harm.exists()
    pickle.loads((saved / "model.skops").read_bytes())
    assert harm.exists()


@pytest.mark.parametrize("lost", ["MLmodel", "model.skops"])
def test_a_directory_without_one_of_its_files_is_refused(saved, lost):
    (saved / lost).unlink()
    with pytest.raises(InputError, match=r"`challenger` must be .*Pass the Model output"):
        load_model(saved, "challenger")


def test_an_mlflow_model_of_someone_else_is_refused(saved):
    described = yaml.safe_load((saved / "MLmodel").read_text())
    del described["metadata"]["holdfast_contract"]
    (saved / "MLmodel").write_text(yaml.safe_dump(described))
    with pytest.raises(InputError, match="contract model/1"):
        load_model(saved)


@pytest.fixture
def fitted(table):
    return fit_transformer(table, 1)


@pytest.fixture
def saved_transformer(fitted, table, tmp_path):
    save_model(fitted, tmp_path / "transformer", frame_of(table, fitted))
    return tmp_path / "transformer"


def test_a_transformer_is_loaded_and_transforms_the_same(saved_transformer, fitted, table):
    frame = frame_of(table, fitted)
    loaded = load_model(saved_transformer).pipeline.transform(frame)
    np.testing.assert_array_equal(loaded, fitted.pipeline.transform(frame))


def test_mlflow_alone_loads_a_transformer(saved_transformer, fitted, table):
    import mlflow.sklearn

    frame = frame_of(table, fitted)
    loaded = mlflow.sklearn.load_model(str(saved_transformer))
    np.testing.assert_array_equal(loaded.transform(frame), fitted.pipeline.transform(frame))


def test_a_real_table_of_30_features_survives_saving(tmp_path):
    table = bundled(tmp_path / "table", "breast_cancer")
    model = train_model(table)
    loaded = load_model(save(model, table, tmp_path / "model"))
    frame = frame_of(table, model)
    expected = model.pipeline.predict_proba(frame).tobytes()
    assert loaded.pipeline.predict_proba(frame).tobytes() == expected


def test_a_table_that_lacks_a_column_is_refused_with_its_name(model, tmp_path):
    other = write_table(tmp_path / "other", {"size": NUMBERS, "quality": LABELS}, "quality")
    with pytest.raises(InputError, match=r"`current` lacks \['colour'\]"):
        require_features(other, model, "current")


@pytest.mark.parametrize(
    "changed",
    [{"size": ["1", "2", "3", "4"] * 5}, {"colour": NUMBERS}],
    ids=["text for numbers", "numbers for text"],
)
def test_a_table_with_a_column_of_another_type_is_refused_with_its_name(changed, model, tmp_path):
    columns = {"size": NUMBERS, "colour": COLOURS, "quality": LABELS} | changed
    other = write_table(tmp_path / "other", columns, "quality")
    with pytest.raises(InputError, match=next(iter(changed))):
        require_features(other, model, "current")


def test_whole_numbers_fit_a_model_that_was_trained_on_floats(model, tmp_path):
    columns = {"size": [float(n) for n in NUMBERS], "colour": COLOURS, "quality": LABELS}
    other = write_table(tmp_path / "other", columns, "quality")
    require_features(other, model, "current")
    assert feature_frame(other.read(), model.info.features)["size"].dtype == "float64"
