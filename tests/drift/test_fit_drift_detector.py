"""fit_drift_detector: what is kept of a reference, and what can't be one."""

import json

import numpy as np
import pyarrow as pa
import pytest

from holdfast.drift.detector import read_detector
from holdfast.drift.fit_drift_detector import logic
from holdfast.errors import InputError, MachineError
from holdfast.profiles.profile import profile_table


def kinds(detector):
    return {column.name: (column.role, column.kind) for column in detector.judged}


def test_features_prediction_and_target_are_told_apart(fit, people):
    said = {
        "y": np.tile(["no", "yes"], 1000),
        "prediction": np.tile(["no", "yes"], 1000),
        "probability_no": np.linspace(0, 1, 2000),
        "probability_yes": np.linspace(1, 0, 2000),
        "model_version": np.full(2000, 3),
    }
    detector = fit({**people(), **said}, classes=("no", "yes"))
    assert kinds(detector) == {
        "age": ("feature", "number"),
        "hours": ("feature", "number"),
        "city": ("feature", "category"),
        "y": ("target", "category"),
        "prediction": ("prediction", "category"),
        "probability_no": ("prediction", "number"),
        "probability_yes": ("prediction", "number"),
    }
    assert detector.left_out == {"model_version": "it says where the predictions come from"}


def test_a_table_names_its_target_itself(fit, people):
    assert kinds(fit(people(), target="city"))["city"] == ("target", "category")


def test_booleans_and_named_numbers_are_categories_and_times_are_left_out(fit, people):
    times = np.datetime64("2026-01-01") + np.arange(2000)
    lists = pa.array([[1]] * 2000)
    rows = {**people(), "flag": np.tile([True, False], 1000), "day": times, "list": lists}
    detector = fit(rows, categorical=["hours"])
    assert kinds(detector)["flag"] == kinds(detector)["hours"] == ("feature", "category")
    assert set(detector.left_out) == {"day", "list"}


def test_a_number_that_never_changes_is_judged_as_a_category(fit, people):
    assert kinds(fit({**people(), "unit": np.ones(2000)}))["unit"] == ("feature", "category")


def test_columns_are_chosen_and_ignored(fit, people):
    assert set(kinds(fit(people(), ignored=["age"]))) == {"hours", "city"}
    assert set(kinds(fit(people(), columns=["age", "city"]))) == {"age", "city"}


def test_a_column_that_is_wanted_and_ignored_is_refused(fit, people):
    with pytest.raises(InputError, match=r"must have columns of numbers.*it is ignored"):
        fit(people(), columns=["age", "city"], ignored=["city"])


def test_what_is_written_is_read_again(fit, people):
    detector = fit(people(), rows=100, seed=7)
    assert detector.sample.num_rows == 100
    assert detector.rows == 2000
    assert detector.profile.rows == 2000
    assert detector.settings.seed == 7
    assert detector.libraries["alibi-detect"]


def test_the_sample_is_of_rows_of_the_table_and_the_seed_chooses_them(fit, people):
    rows = people()
    samples = [fit(rows, rows=200, seed=seed).sample for seed in (0, 0, 1)]
    assert samples[0].equals(samples[1])
    assert not samples[0].equals(samples[2])
    known = set(zip(rows["age"], rows["hours"], rows["city"], strict=True))
    assert {tuple(row.values()) for row in samples[0].to_pylist()} <= known


def test_the_same_reference_gives_the_same_bytes(table, people, request_of, tmp_path):
    reference = table(people())
    for name in ("one", "two"):
        logic.fit(reference, request_of()).write(tmp_path / name)
    files = sorted(file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*.*"))
    assert [str(file) for file in files] == [
        "detector.json",
        "profile/profile.parquet",
        "sample.parquet",
    ]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_profile_saves_the_second_reading_and_changes_nothing(
    table, people, request_of, tmp_path
):
    reference = table(people())
    known = profile_table(reference)
    logic.fit(reference, request_of()).write(tmp_path / "read")
    logic.fit(reference, request_of(), known).write(tmp_path / "given")
    for file in ("detector.json", "profile/profile.parquet"):
        assert (tmp_path / "read" / file).read_bytes() == (tmp_path / "given" / file).read_bytes()


def test_the_profile_of_another_table_is_refused(table, people, request_of):
    other = profile_table(table(people(100)))
    with pytest.raises(InputError, match="`profile` must be of the same table as `reference`"):
        logic.fit(table(people()), request_of(), other)


def test_a_reference_of_few_rows_is_refused(table, people, request_of):
    with pytest.raises(InputError, match=r"`reference` must have at least 50 rows\. Found: 49"):
        logic.fit(table(people(49)), request_of())


def test_a_locked_holdout_is_no_reference(table, people, request_of):
    with pytest.raises(InputError, match="`reference` must not be a locked holdout"):
        logic.fit(table(people(), role="holdout"), request_of())


def test_a_table_of_times_alone_can_not_be_judged(table, request_of):
    times = np.datetime64("2026-01-01") + np.arange(100)
    with pytest.raises(InputError, match="time goes on by nature"):
        logic.fit(table({"day": times}), request_of())


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"method": "magic"}, "`method` must be one of"),
        ({"correction": "sidak"}, "`correction` must be one of"),
        ({"method": "cvm", "correction": "permutation"}, "`correction` must be one of"),
        ({"p_value": 0.001}, "`p_value` must be above 0, at least 0.005 with permutation"),
        ({"p_value": 0.0, "correction": "fdr"}, "`p_value` must be above 0"),
        ({"rows": 10}, "`rows` must be 0 or at least 50"),
        ({"components": 1.5}, "`components` must be a share below 1 or a number"),
        ({"seed": -1}, "`seed` must be at least 0"),
    ],
)
def test_what_can_not_be_asked_for_is_refused(wanted, message, request_of):
    with pytest.raises(InputError, match=message):
        request_of(**wanted)


def test_names_that_are_not_there_are_refused(table, people, request_of):
    with pytest.raises(InputError, match=r"`columns` must name columns of `reference`.*\['aeg'\]"):
        logic.fit(table(people()), request_of(columns=["aeg"]))


@pytest.mark.parametrize("method", ["mmd", "lsdd", "spot_the_diff"])
def test_what_needs_torch_says_so_where_it_is_not_there(method, request_of, monkeypatch):
    monkeypatch.setattr("holdfast.drift.multivariate.find_spec", lambda name: None)
    with pytest.raises(MachineError, match=rf"`method` {method} needs torch.*Found: no torch"):
        request_of(method=method)


def test_nothing_is_no_detector_and_an_empty_folder_neither(tmp_path):
    assert read_detector("") is None
    assert read_detector(tmp_path / "nowhere") is None
    assert read_detector(tmp_path) is None


def test_a_folder_of_something_else_is_an_error(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InputError, match="`detector` must be what fit_drift_detector wrote"):
        read_detector(tmp_path)


def test_a_detector_of_another_version_is_an_error(fit, people, tmp_path):
    fit(people())
    file = tmp_path / "detector" / "detector.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "contract": "drift_detector/9"}))
    with pytest.raises(InputError, match=r"must be of the contract drift_detector/1\. Found"):
        read_detector(tmp_path / "detector")


def test_a_detector_that_was_cut_off_is_an_error(fit, people, tmp_path):
    fit(people())
    file = tmp_path / "detector" / "sample.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"sample\.parquet is missing, or is not"):
        read_detector(tmp_path / "detector")


def test_the_page_says_what_is_judged_and_what_looks_like_a_key(fit, people):
    page = logic.report(fit({**people(), "id": np.arange(2000)})).markdown()
    assert "2,000 rows; 4 columns are judged" in page
    (key,) = [line for line in page.splitlines() if line.startswith("| id ")]
    assert "looks like a key" in key
