"""tune_hyperparameters: what it finds, what it keeps, and what it refuses."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from holdfast.errors import InputError, MachineError
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.folds import Plan
from holdfast.training.train_sklearn import logic as train_sklearn
from holdfast.training.train_xgboost import logic as train_xgboost
from holdfast.training.tune_hyperparameters.logic import Budget, Search, tune
from holdfast.training.tune_hyperparameters.space import read_space
from holdfast.training.tune_hyperparameters.storage import open_storage
from tests.training.samples import ROOT, bundled, write_table
from tests.training.tune_sample import SPACE

FINISHED = "SELECT number, value FROM trials JOIN trial_values USING (trial_id) ORDER BY number"


def search(table, n_trials=4, folds=2, timeout_seconds=0, **how):
    how = {"space": SPACE, **how}
    return tune(
        table,
        fit_transformer(table, 1),
        Plan(folds),
        Search(**how),
        Budget(n_trials, timeout_seconds),
    )


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory):
    return bundled(tmp_path_factory.mktemp("diabetes") / "t", "diabetes")


@pytest.fixture(scope="module")
def found(diabetes):
    return search(diabetes, n_trials=8, pruner="none")


def test_the_best_trial_is_the_one_with_the_best_mean_of_the_folds(found):
    values = [trial["value"] for trial in found.finished]
    assert len(values) == 8
    assert found.value == max(values) > 0.3
    winner = found.finished[values.index(found.value)]
    assert json.loads(found.best()) == winner["parameters"]


def test_one_worker_finds_the_same_again(found, diabetes):
    assert search(diabetes, n_trials=8, pruner="none").finished == found.finished


def test_another_seed_searches_elsewhere(found, diabetes):
    assert search(diabetes, n_trials=2, pruner="none", seed=1).finished != found.finished[:2]


def test_a_score_is_that_of_cross_validation_with_these_parameters(found, diabetes):
    from holdfast.training.cross_validate.logic import cross_validate

    fitted = fit_transformer(diabetes, 1)
    result = cross_validate(diabetes, fitted, "xgboost", found.best(), Plan(2))
    assert result.metrics()["r2"] == pytest.approx(found.value)


def test_the_best_parameters_are_what_the_training_steps_read(found, diabetes):
    wanted = train_xgboost.read_parameters(found.best())
    fitted = fit_transformer(diabetes, 1)
    model = train_xgboost.train(diabetes, fitted, wanted, train_xgboost.Options()).model
    assert model.pipeline[-1].max_depth == json.loads(found.best())["max_depth"]


def test_without_a_space_the_search_begins_at_the_defaults_of_train_xgboost(tmp_path):
    columns = {"n": range(40), "y": [n % 7 < 3 for n in range(40)]}
    result = search(write_table(tmp_path / "t", columns, "y"), n_trials=1, space="")
    first = result.finished[0]["parameters"]
    assert (first["n_estimators"], first["max_depth"], first["learning_rate"]) == (300, 6, 0.1)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_bad_trials_are_given_up_early(pruner, diabetes):
    # A learning rate of nearly 0 answers with the mean of the target: R squared of 0.
    space = "n_estimators: 10\nlearning_rate: {choices: [0.3, 0.3001, 0.000001]}"
    result = search(diabetes, n_trials=16, folds=4, space=space, pruner=pruner)
    assert 0 < result.pruned < 16
    assert len(result.finished) == 16


def test_any_estimator_of_the_list_is_tuned(diabetes):
    space = "alpha: {low: 0.001, high: 10000.0, log: true}\nfit_intercept: {choices: [true, false]}"
    result = search(diabetes, n_trials=6, space=space, estimator="Ridge", metric="rmse")
    values = [trial["value"] for trial in result.finished if trial["value"] is not None]
    assert result.value == min(values)
    # Without an intercept the answers miss by the mean of the target.
    assert json.loads(result.best())["fit_intercept"] is True
    fitted = fit_transformer(diabetes, 1)
    train_sklearn.train(diabetes, fitted, "Ridge", result.best(), "", "none", 42)


def test_no_further_trial_begins_when_the_time_is_over(diabetes):
    assert len(search(diabetes, n_trials=1000, timeout_seconds=0.01).finished) == 1


def command(*arguments):
    return [sys.executable, "-m", "tests.training.tune_sample", *map(str, arguments)]


def finished(storage):
    if not storage.exists():
        return []
    with sqlite3.connect(storage) as database:
        try:
            return database.execute(FINISHED).fetchall()
        except sqlite3.OperationalError:
            return []


def test_a_killed_search_goes_on_with_what_it_finished_and_ends_as_if_nothing_had_been(
    diabetes, tmp_path
):
    storage = tmp_path / "study.db"
    process = subprocess.Popen(command(diabetes.path, storage, 0, 6, 2), cwd=ROOT)
    while len(finished(storage)) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = finished(storage)
    assert len(before) == 2
    again = subprocess.run(
        command(diabetes.path, storage, 0, 6), cwd=ROOT, check=True, capture_output=True, text=True
    )
    after = finished(storage)
    assert after[: len(before)] == before
    assert len(after) == 6
    # The sampler of each trial depends on what is finished, not on when the process began.
    unharmed = search(diabetes, n_trials=6, pruner="none")
    assert [value for _, value in after] == [trial["value"] for trial in unharmed.finished]
    assert again.stdout.strip() == unharmed.best()


def test_workers_share_a_study(diabetes, tmp_path):
    storage = tmp_path / "study.db"
    workers = [
        subprocess.Popen(
            command(diabetes.path, storage, worker, 6), cwd=ROOT, stdout=subprocess.PIPE
        )
        for worker in (1, 2)
    ]
    for worker in workers:
        worker.communicate(timeout=600)
        assert worker.returncode == 0
    numbers = [number for number, _ in finished(storage)]
    # Each may have been at its last trial when the other ended the sixth.
    assert 6 <= len(numbers) <= 7
    gathered = search(diabetes, n_trials=6, pruner="none", storage=str(storage))
    assert len(gathered.finished) == len(numbers)


def test_other_rows_are_another_study(diabetes, tmp_path):
    storage = str(tmp_path / "study.db")
    search(diabetes, n_trials=2, storage=storage)
    other = bundled(tmp_path / "t", "diabetes", slice(None, None, 2))
    assert len(search(other, n_trials=1, storage=storage).finished) == 1


def test_the_report_shows_history_importance_and_the_best_trials(found):
    page, text = found.report.html(), found.report.markdown()
    assert page.count("<circle") == 8
    assert "Importance" in text
    assert "<script" not in page
    assert sum(found.importance.values()) == pytest.approx(1)


def test_the_study_is_written_as_json(found, tmp_path):
    found.write(tmp_path / "best.json", tmp_path / "study.json")
    study = json.loads((tmp_path / "study.json").read_text())
    assert study["best"]["parameters"] == json.loads((tmp_path / "best.json").read_text())
    assert [trial["state"] for trial in study["trials"]] == ["COMPLETE"] * 8


def test_a_locked_holdout_is_never_touched(tmp_path):
    columns = {"n": range(12), "y": ["a", "b"] * 6}
    fitted = fit_transformer(write_table(tmp_path / "t", columns, "y"), 1)
    locked = write_table(tmp_path / "h", columns, "y", role="holdout")
    with pytest.raises(InputError, match="`train` must not be a locked holdout"):
        tune(locked, fitted, Plan(2), Search(), Budget(1))


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("max_depth: {low: 5, high: 3}", "`space: max_depth` must be YAML.*low must be below high"),
        ("max_depth: {low: 3}", "low and high are needed, or choices"),
        ("max_depth: {lo: 3, high: 4}", "lo: Extra inputs are not permitted"),
        ("gamma: {low: 0.0, high: 1.0, log: true}", "log needs low above 0"),
        ("gamma: {choices: []}", "choices must not be empty"),
        ("gamma: 1.0", r"`space` must leave something to be searched.*\['gamma'\]"),
        ("[1, 2]", "`space` must be YAML of the documented grammar"),
    ],
)
def test_a_space_that_is_not_of_the_grammar_is_refused(space, message):
    with pytest.raises(InputError, match=message):
        read_space(space, "xgboost")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"space": "depth: {low: 1, high: 3}"}, "`parameters` must be YAML.*depth: Extra inputs"),
        (
            {"space": "", "estimator": "Ridge"},
            "only xgboost has a default. Found: nothing for Ridge",
        ),
        ({"metric": "roc_auc"}, "`metric` must be one of .* for regression. Found: 'roc_auc'"),
        ({"pruner": "mean"}, "`pruner` must be one of"),
        ({"n_trials": 0}, "`n_trials` must be at least 1"),
        ({"estimator": "SVC"}, "`estimator` must name an estimator for regression"),
    ],
)
def test_a_search_that_can_not_be_is_refused(how, message, diabetes):
    with pytest.raises(InputError, match=message):
        search(diabetes, **how)


def test_a_password_in_a_parameter_is_refused_and_not_shown():
    with pytest.raises(InputError, match="`storage` must not hold a password") as refused:
        open_storage("postgresql://me:secret@127.0.0.1/studies")
    assert "secret" not in str(refused.value)


def test_a_database_that_does_not_answer_is_named_without_its_password(monkeypatch):
    monkeypatch.setattr("holdfast.training.tune_hyperparameters.storage.TRIES", 1)
    monkeypatch.setenv("HOLDFAST_STUDY_STORAGE", "postgresql://me:secret@127.0.0.1:1/studies")
    with pytest.raises(MachineError, match="`storage` must be a file or a database") as refused:
        open_storage("")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("place", ["mysql://me@host/db", "http://host"])
def test_another_kind_of_storage_is_refused(place):
    with pytest.raises(InputError, match="`storage` must be a path, sqlite:///PATH or postgresql"):
        open_storage(place)
