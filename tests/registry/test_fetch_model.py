"""fetch_model, and the files that a version must have before an alias moves to it."""

import shutil
from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.registry.fetch_model.logic import fetch
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Verdict

NAMES = ("profile", "drift_detector", "performance_baseline")


def places(folder):
    return {name: folder / name for name in NAMES}


def take(folder, reference="champion"):
    return fetch("churn", reference, folder / "taken", places(folder))


@pytest.fixture
def evidence(tmp_path):
    """A profile, which is a folder, a drift detector, and no performance baseline."""
    folder = tmp_path / "evidence"
    (folder / "profile").mkdir(parents=True)
    (folder / "profile" / "FeatureStats.pb").write_bytes(b"statistics")
    (folder / "drift_detector").write_bytes(b"detector")
    return {name: str(folder / name) for name in NAMES[:2]}


def test_a_version_is_taken_with_what_was_attached_to_it(client, model, evidence, tmp_path):
    register(model, "churn", "champion", {}, Origin(evidence))
    found = take(tmp_path)
    assert (found.name, found.version) == ("churn", 1)
    assert (tmp_path / "taken" / "model.skops").read_bytes() == b"trees"
    assert (tmp_path / "profile" / "FeatureStats.pb").read_bytes() == b"statistics"
    assert (tmp_path / "drift_detector").read_bytes() == b"detector"
    assert found.attached("profile") == {"model_name": "churn", "model_version": 1, "files": 1}


def test_what_was_not_attached_is_an_empty_file(client, model, evidence, tmp_path):
    register(model, "churn", "champion", {}, Origin(evidence))
    found = take(tmp_path)
    assert (tmp_path / "performance_baseline").read_bytes() == b""
    assert found.attached("performance_baseline")["files"] == 0


def test_an_empty_file_is_not_attached(client, model, tmp_path):
    (tmp_path / "nothing").touch()
    register(model, "churn", "champion", {}, Origin({"profile": str(tmp_path / "nothing")}))
    take(tmp_path)
    assert not (tmp_path / "taken" / "evidence").exists()


def test_the_model_says_what_it_is_and_which_version(client, model, tmp_path):
    register(model, "churn", "champion", {})
    said = take(tmp_path).metadata()
    assert (said["model_name"], said["model_version"]) == ("churn", 1)
    assert (said["holdfast_contract"], said["trained_on"]) == ("model/1", "abc")


def test_a_number_names_a_version_whatever_the_alias_says(client, model, tmp_path):
    for _ in range(2):
        register(model, "churn", "champion", {})
    assert take(tmp_path, "1").version == 1
    assert fetch("churn", "champion", tmp_path / "other", places(tmp_path)).version == 2


@pytest.mark.parametrize("reference", ["nobody", "9"])
def test_a_version_that_is_not_there_is_refused_and_nothing_is_left(
    reference, client, model, tmp_path
):
    register(model, "churn", "champion", {})
    with pytest.raises(InputError):
        take(tmp_path, reference)
    assert not (tmp_path / "taken").exists()
    assert not list(tmp_path.glob("*.unfinished"))


# Where there need not be one yet, such as the champion that a first challenger is compared with.


@pytest.mark.parametrize("registered", [True, False])
def test_an_optional_alias_that_nobody_carries_is_empty_files_and_version_0(
    registered, client, model, tmp_path
):
    if registered:
        register(model, "churn", "challenger", {})
    found = fetch("churn", "champion", tmp_path / "taken", places(tmp_path), optional=True)
    assert (found.name, found.version) == ("churn", 0)
    assert found.metadata() == {"model_name": "churn", "model_version": 0}
    assert found.attached("profile")["files"] == 0
    for name in ("taken", *NAMES):
        assert (tmp_path / name).read_bytes() == b""


def test_an_optional_alias_that_is_carried_is_taken_like_any_other(client, model, tmp_path):
    register(model, "churn", "champion", {})
    found = fetch("churn", "champion", tmp_path / "taken", places(tmp_path), optional=True)
    assert found.version == 1
    assert (tmp_path / "taken" / "model.skops").read_bytes() == b"trees"


@pytest.mark.parametrize("reference", ["0", "9"])
def test_a_number_that_is_not_there_is_an_error_though_it_is_optional(
    reference, client, model, tmp_path
):
    register(model, "churn", "champion", {})
    with pytest.raises(InputError):
        fetch("churn", reference, tmp_path / "taken", places(tmp_path), optional=True)
    assert not (tmp_path / "taken").exists()


# Files that are lost after the registration, as a bucket's lifecycle rule loses them.


def lose(*names):
    for name in names:
        for path in Path("mlruns").rglob(name):
            path.unlink()


@pytest.mark.parametrize("lost", ["MLmodel", "model.skops", "input_example.json"])
def test_a_version_without_its_files_is_not_promoted(lost, client, model):
    register(model, "churn", "challenger", {})
    lose(lost)
    with pytest.raises(InputError, match=rf"Version 1 of 'churn' .* Found: no {lost}"):
        promote(Promotion("churn"), Verdict("pass"))
    assert "champion" not in client.get_registered_model("churn").aliases
    assert client.search_model_versions("name = 'churn.champions'") == []


def test_a_version_without_its_files_is_not_gone_back_to(client, model):
    for number in (1, 2):
        register(model, "churn", "challenger", {})
        promote(Promotion("churn", version=number), Verdict("pass"))
        if number == 1:
            shutil.rmtree("mlruns")
    with pytest.raises(InputError, match="Version 1 of 'churn' must have its files"):
        roll_back("churn", "Complaints.", -1, "champion")
    assert client.get_model_version_by_alias("churn", "champion").version == 2


def test_a_second_try_does_not_give_the_alias_to_a_version_that_lost_its_files(client, model):
    register(model, "churn", "other", {}, Origin(run_key="run-1"))
    lose("MLmodel")
    with pytest.raises(InputError, match="must have its files"):
        register(model, "churn", "challenger", {}, Origin(run_key="run-1"))
    assert "challenger" not in client.get_registered_model("churn").aliases
