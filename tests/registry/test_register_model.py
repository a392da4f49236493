"""register_model, against a real MLflow store in SQLite."""

import math
from pathlib import Path

import pytest
from mlflow.artifacts import download_artifacts

from holdfast.errors import InputError, MachineError
from holdfast.registry.register_model.logic import Origin, finite_numbers, register


def test_versions_count_up_from_one(client, model):
    versions = [register(model, "churn", "challenger", {}).version for _ in range(3)]
    assert versions == [1, 2, 3]
    assert register(model, "fraud", "challenger", {}).version == 1


def test_the_alias_moves_to_the_new_version_and_others_stay(client, model):
    register(model, "churn", "champion", {})
    register(model, "churn", "challenger", {})
    register(model, "churn", "challenger", {})
    assert client.get_model_version_by_alias("churn", "champion").version == 1
    assert client.get_model_version_by_alias("churn", "challenger").version == 3


@pytest.mark.parametrize("name", ["Churn - north_west", "churn-v1.2"], ids=["dashes", "dots"])
def test_a_name_may_have_spaces_dashes_underscores_and_dots(name, client, model):
    done = register(model, name, "challenger-1_a", {})
    assert done.name == name
    assert client.get_model_version_by_alias(name, "challenger-1_a").version == 1


def logged_model(client, version):
    """Return the logged model that a version was made of; SQLite keeps no id but in the source."""
    source = client.get_model_version("churn", str(version)).source
    return client.get_logged_model(source.removeprefix("models:/"))


def test_the_metrics_are_on_the_run_and_on_the_model(client, model):
    metrics = {"roc_auc": 0.75, "log_loss": 0.5}
    done = register(model, "churn", "challenger", metrics)
    logged = logged_model(client, done.version)
    assert client.get_run(done.run_id).data.metrics == metrics
    assert {metric.key: metric.value for metric in logged.metrics} == metrics


def test_the_version_knows_its_run_and_model_which_are_finished(client, model):
    done = register(model, "churn", "challenger", {})
    logged = logged_model(client, done.version)
    assert client.get_model_version("churn", str(done.version)).run_id == done.run_id
    assert (logged.source_run_id, logged.status) == (done.run_id, "READY")
    assert client.get_run(done.run_id).info.status == "FINISHED"


def test_the_registered_model_is_the_directory_byte_for_byte(client, model, tmp_path):
    register(model, "churn", "challenger", {})
    (tmp_path / "back").mkdir()
    back = Path(download_artifacts("models:/churn@challenger", dst_path=str(tmp_path / "back")))
    names = {path.name for path in model.iterdir()}
    # MLflow adds a file of its own on download.
    assert {path.name for path in back.iterdir()} - {"registered_model_meta"} == names
    for name in names:
        assert (back / name).read_bytes() == (model / name).read_bytes()


def experiment_of(client, run_id):
    return client.get_experiment(client.get_run(run_id).info.experiment_id).name


def test_a_run_goes_to_the_experiment_holdfast_by_default(client, model):
    done = register(model, "churn", "challenger", {})
    assert experiment_of(client, done.run_id) == "holdfast"


def test_an_experiment_is_chosen_by_name_and_made_once(client, model, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "spring")
    runs = [register(model, "churn", "challenger", {}).run_id for _ in range(2)]
    assert len(set(runs)) == 2
    assert [experiment_of(client, run) for run in runs] == ["spring", "spring"]
    assert client.get_experiment_by_name("holdfast") is None


def test_an_experiment_is_chosen_by_id_before_its_name(client, model, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", client.create_experiment("autumn"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "spring")
    done = register(model, "churn", "challenger", {})
    assert experiment_of(client, done.run_id) == "autumn"


def test_the_run_that_kfp_injected_is_joined_and_left_open(client, model, monkeypatch):
    experiment = client.create_experiment("pipelines")
    injected = client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", injected)
    done = register(model, "churn", "challenger", {"r2": 0.5})
    everywhere = [found.experiment_id for found in client.search_experiments()]
    assert done.run_id == injected
    assert [run.info.run_id for run in client.search_runs(everywhere)] == [injected]
    assert client.get_run(injected).info.status == "RUNNING"
    assert client.get_run(injected).data.metrics == {"r2": 0.5}


def test_an_injected_run_that_does_not_exist_is_refused(client, model, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(InputError, match="0" * 32):
        register(model, "churn", "challenger", {})
    assert client.search_registered_models() == []


def test_without_a_tracking_server_nothing_is_registered(model, tmp_path):
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI must name the MLflow server"):
        register(model, "churn", "challenger", {})
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("lost", ["MLmodel", "the folder"])
def test_what_is_no_mlflow_model_is_refused(lost, client, model):
    path = model / "nowhere" if lost == "the folder" else model
    (model / "MLmodel").unlink()
    with pytest.raises(InputError, match="`model` must be an MLflow model directory"):
        register(path, "churn", "challenger", {})
    assert client.search_registered_models() == []


def test_a_server_that_does_not_answer_is_named(model, monkeypatch):
    # Port 9 is that of the discard service, which nobody runs.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(MachineError) as error:
        register(model, "churn", "challenger", {})
    assert str(error.value) == (
        "MLflow at http://127.0.0.1:9 must answer. Found: Connection refused. Check that it runs "
        "and that MLFLOW_TRACKING_URI points to it, and run this step again."
    )


@pytest.mark.parametrize("password", ["geheim", "ge@heim"])
def test_a_password_of_the_server_is_not_told(password, model, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://bob:{password}@127.0.0.1:9")
    with pytest.raises(MachineError, match=r"127\.0\.0\.1:9") as error:
        register(model, "churn", "challenger", {})
    assert "heim" not in str(error.value)


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "../a", "a\n", " a", "a  b", "a'b"])
@pytest.mark.parametrize("parameter", ["model_name", "alias"])
def test_a_bad_name_is_refused_by_parameter_and_value(parameter, name, model):
    names = {"model_name": "churn", "alias": "challenger"} | {parameter: name}
    with pytest.raises(InputError) as error:
        register(model, names["model_name"], names["alias"], {})
    assert f"`{parameter}` must be" in str(error.value)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("alias", ["latest", "v1"])
def test_an_alias_that_mlflow_reserves_is_refused(alias, client, model):
    with pytest.raises(InputError, match=alias):
        register(model, "churn", alias, {})


def test_a_refused_alias_leaves_no_version_and_no_open_run(client, model):
    with pytest.raises(InputError):
        register(model, "churn", "latest", {})
    everywhere = [found.experiment_id for found in client.search_experiments()]
    assert client.search_model_versions("name = 'churn'") == []
    assert "RUNNING" not in [run.info.status for run in client.search_runs(everywhere)]


def test_finite_numbers_are_kept_and_all_else_is_left_out():
    metadata = {
        "roc_auc": 0.75,
        "rows": 284,
        "nothing": math.nan,
        "unit": "nats",
        "missing": None,
        "confusionMatrix": {"rows": []},
    }
    numbers = finite_numbers(metadata)
    assert numbers == {"roc_auc": 0.75, "rows": 284.0}
    assert all(isinstance(value, float) for value in numbers.values())


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinity_is_no_finite_number(value):
    assert finite_numbers({"log_loss": value}) == {}


def test_a_step_that_is_tried_again_makes_no_second_version(client, model):
    first = register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    again = register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    assert again == first
    assert len(client.search_model_versions("name = 'churn'")) == 1


@pytest.mark.parametrize("change", ["another run", "another model"])
def test_another_run_or_model_makes_a_version_of_its_own(change, client, model):
    register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    key = "run-2" if change == "another run" else "run-1"
    if change == "another model":
        text = (model / "MLmodel").read_text()
        (model / "MLmodel").write_text(text.replace("0123456789abcdef", "f" * 16))
    assert register(model, "churn", "challenger", {}, Origin(run_key=key)).version == 2


def test_a_late_second_try_does_not_take_the_alias_from_a_newer_version(client, model):
    register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    register(model, "churn", "challenger", {}, Origin(run_key="run-2"))
    register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    assert client.get_model_version_by_alias("churn", "challenger").version == 2


@pytest.fixture
def meanwhile(client, monkeypatch):
    """Return what makes something else happen before or after the client's next call."""

    def happen(call, before=None, after=None):
        real = getattr(type(client), call)

        def between(self, *arguments, **more):
            monkeypatch.setattr(type(client), call, real)
            if before:
                before()
            done = real(self, *arguments, **more)
            if after:
                after()
            return done

        monkeypatch.setattr(type(client), call, between)

    return happen


def versions_of(client):
    return [version.version for version in client.search_model_versions("name = 'churn'")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_two_tries_of_one_step_at_once_make_one_version(when, client, model, meanwhile):
    other = []

    def try_too():
        other.append(register(model, "churn", "challenger", {}, Origin(run_key="run-1")))

    meanwhile("create_model_version", **{when: try_too})
    mine = register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    assert [mine] == other
    assert versions_of(client) == [1]
    assert client.get_model_version_by_alias("churn", "challenger").version == 1


def test_a_version_that_was_made_twice_before_the_step_was_killed_is_there_once(
    client, model, meanwhile
):
    def kill():
        (made,) = client.search_model_versions("name = 'churn'")
        client.create_model_version("churn", made.source, made.run_id, tags=made.tags)
        raise KeyboardInterrupt

    meanwhile("create_model_version", after=kill)
    with pytest.raises(KeyboardInterrupt):
        register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    assert versions_of(client) == [2, 1]
    assert register(model, "churn", "challenger", {}, Origin(run_key="run-1")).version == 1
    assert versions_of(client) == [1]


def test_of_two_registrations_at_once_the_later_version_gets_the_alias(client, model, meanwhile):
    meanwhile(
        "set_registered_model_alias", before=lambda: register(model, "churn", "challenger", {})
    )
    assert register(model, "churn", "challenger", {}).version == 1
    assert client.get_model_version_by_alias("churn", "challenger").version == 2


def test_an_experiment_that_another_registration_makes_meanwhile_is_joined(
    client, model, meanwhile
):
    other = []
    meanwhile(
        "create_experiment", before=lambda: other.append(client.create_experiment("holdfast"))
    )
    done = register(model, "churn", "challenger", {})
    assert [client.get_run(done.run_id).info.experiment_id] == other


def test_what_a_model_rests_on_lies_beside_it(client, model, tmp_path):
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "FeatureStats.pb").write_bytes(b"statistics")
    (tmp_path / "card.md").write_text("# Card")
    evidence = {"card.md": str(tmp_path / "card.md"), "profile": str(profile), "report.html": ""}
    register(model, "churn", "challenger", {}, Origin(evidence))
    (tmp_path / "back").mkdir()
    back = Path(download_artifacts("models:/churn@challenger", dst_path=str(tmp_path / "back")))
    assert (back / "evidence" / "card.md").read_text() == "# Card"
    assert (back / "evidence" / "profile" / "FeatureStats.pb").read_bytes() == b"statistics"
    assert not (back / "evidence" / "report.html").exists()


def test_parameters_tables_and_commit_are_on_the_run(client, model):
    tables = {"training": {"sha256": "a" * 64, "rows": 80, "role": "train"}, "testing": {}}
    done = register(model, "churn", "challenger", {}, Origin(tables=tables, git_commit="abc123"))
    run = client.get_run(done.run_id)
    assert run.data.params == {"max_depth": "6", "learning_rate": "0.1"}
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("train", "a" * 36)
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]
    version = client.get_model_version("churn", str(done.version))
    assert version.tags["holdfast.training_sha256"] == "a" * 64
    assert version.tags["holdfast.trained_on"] == "abc"


@pytest.mark.parametrize("lost", ["model.skops", "code/score.py", "evidence/card.md"])
def test_a_model_whose_upload_lost_a_file_gets_no_version_and_no_alias(
    lost, client, model, tmp_path, monkeypatch
):
    # The store loses a file on the way: what a proxy that cuts off does.
    upload = type(client).log_model_artifacts

    def lossy(self, model_id, folder):
        upload(self, model_id, folder)
        for kept in Path("mlruns").rglob(Path(lost).name):
            kept.unlink()

    monkeypatch.setattr(type(client), "log_model_artifacts", lossy)
    (model / "code").mkdir()
    (model / "code" / "score.py").write_text("score = 1")
    (tmp_path / "card").write_text("# Card")
    with pytest.raises(InputError, match=rf"\['{lost}'\] missing"):
        register(model, "churn", "challenger", {}, Origin({"card.md": str(tmp_path / "card")}))
    assert client.search_model_versions("name = 'churn'") == []
