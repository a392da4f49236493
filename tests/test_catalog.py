"""One contract for every component and pipeline, found by looking."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2  # noqa: F401  # registers the messages
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec

from holdfast import catalog, generate
from holdfast.cli import main
from holdfast.images import FAMILIES, family_of, image
from tests.support import ROOT
from tests.support import holdfast as command

SOURCE = ROOT / "components" / "holdfast"
FOLDERS = sorted(p.parent for p in SOURCE.glob("*/*/component.py"))
COMPILED = sorted((ROOT / "compiled").glob("*/*.yaml"))
UNQUOTED_BOOLEANS = {"y", "n", "on", "off", "yes", "no"}


def names(paths: list[Path]) -> list[str]:
    return [path.stem if path.suffix else path.name for path in paths]


@pytest.fixture(scope="module")
def derived():
    return generate.texts()


@cache
def documents(path: Path) -> list[dict]:
    """Return the YAML documents of a file."""
    return list(yaml.load_all(path.read_text(), yaml.CSafeLoader))


@cache
def spec_of(folder: Path) -> PipelineSpec:
    (document,) = documents(ROOT / "compiled" / "components" / f"{folder.name}.yaml")
    return json_format.ParseDict(document, PipelineSpec())


def test_every_component_folder_is_in_the_catalog_and_nothing_else_is():
    assert sorted(catalog.__all__) == sorted(names(FOLDERS))


@pytest.mark.parametrize("folder", FOLDERS, ids=names(FOLDERS))
class TestComponent:
    def test_function_folder_and_yaml_are_one_word(self, folder):
        component = getattr(catalog, folder.name)
        assert component.name == folder.name.replace("_", "-")
        assert (folder / "logic.py").is_file()

    def test_every_input_and_output_is_described(self, folder):
        root = spec_of(folder).root
        for side in (root.input_definitions, root.output_definitions):
            entries = [*side.parameters.items(), *side.artifacts.items()]
            assert [name for name, entry in entries if not entry.description] == []

    def test_its_family_has_an_image_a_lock_and_tests(self, folder):
        family = folder.parent.name
        (executor,) = spec_of(folder).deployment_spec["executors"].values()
        assert family_of(executor["container"]["image"]) == family
        assert "--hash=sha256:" in (ROOT / "images" / family / "requirements.txt").read_text()
        tests = "".join(p.read_text() for p in (ROOT / "tests" / family).glob("test_*.py"))
        assert folder.name in tests

    def test_its_stub_only_unpacks_calls_and_packs(self, folder):
        text = (folder / "component.py").read_text()
        body = text[text.rindex('"""') :]
        assert not re.search(r"^\s+(if|for|while|try)\b", body, re.MULTILINE)
        assert len(text.splitlines()) <= 75
        assert "import kfp" not in (folder / "logic.py").read_text()

    def test_its_page_calls_it_with_what_must_be_given(self, folder, derived):
        page, inputs = derived[folder / "README.md"], spec_of(folder).root.input_definitions
        (call,) = re.findall(rf"^{folder.name}\(.*?\)$", page, re.MULTILINE | re.DOTALL)
        given = {argument.arg for argument in ast.parse(call, mode="eval").body.keywords}
        artifacts, parameters = (
            {name for name, entry in side.items() if not entry.is_optional}
            for side in (inputs.artifacts, inputs.parameters)
        )
        assert given == artifacts | parameters or (given and not artifacts | parameters)
        commands = re.findall(rf"^holdfast run {folder.name} (.*)$", page, re.MULTILINE)
        alone = given <= set(inputs.parameters)
        assert [set(re.findall(r"-p (\w+)=", text)) for text in commands] == [given] * alone

    def test_no_name_is_a_yaml_boolean(self, folder):
        root = spec_of(folder).root
        given = {*root.input_definitions.parameters, *root.output_definitions.parameters}
        assert not given & UNQUOTED_BOOLEANS


def test_everything_derived_is_fresh(derived):
    stale = [
        str(path.relative_to(ROOT))
        for path, text in derived.items()
        if not path.is_file() or path.read_text() != text
    ]
    assert stale == [], f"run: make generate ({stale})"
    assert set(COMPILED) <= set(derived), "run: make generate (compiled YAML without a source)"


def test_compiling_twice_gives_the_same_bytes(derived):
    assert generate.texts() == derived


@pytest.mark.parametrize("path", COMPILED, ids=names(COMPILED))
class TestCompiled:
    def test_it_is_a_pipeline_spec_with_at_most_one_platform_spec(self, path):
        first, *rest = documents(path)
        spec = json_format.ParseDict(first, PipelineSpec())
        assert spec.pipeline_info.name == path.stem.replace("_", "-")
        assert len(rest) <= 1
        for document in rest:
            json_format.ParseDict(document, PlatformSpec())

    def test_it_is_ascii_and_installs_nothing(self, path):
        text = path.read_text()
        assert text.isascii()
        assert "pip" not in re.findall(r"\w+", json.dumps(documents(path)[0]))

    def test_its_images_are_ours_with_a_full_tag(self, path):
        for executor in documents(path)[0]["deploymentSpec"]["executors"].values():
            reference = executor["container"]["image"]
            assert reference == image(family_of(reference))


def test_a_model_is_told_of_with_the_image_that_trained_it():
    document = documents(ROOT / "compiled" / "pipelines" / "training.yaml")[0]
    executors = document["deploymentSpec"]["executors"]
    trained = executors["exec-train-xgboost"]["container"]["image"]
    for name in ("register-model", "write-model-card"):
        told = document["root"]["dag"]["tasks"][name]["inputs"]["parameters"]["image"]
        assert told["runtimeValue"]["constant"] == trained


def test_registry_and_tag_are_chosen_when_yaml_is_generated(monkeypatch):
    monkeypatch.setenv("HOLDFAST_REGISTRY", "registry.example.com:5000/ml/")
    monkeypatch.setenv("HOLDFAST_TAG", "1.2.3")
    assert image("data") == "registry.example.com:5000/ml/holdfast-data:1.2.3"
    assert family_of(image("data")) == "data"
    assert family_of("python:3.11") is None


def test_families_agree_on_the_pins_they_share():
    pins: dict[str, dict[str, list[str]]] = {}
    # Alibi Detect needs older libraries; its family loads no model, and only Parquet reaches it.
    for family in sorted(set(FAMILIES) - {"drift"}):
        lock = (ROOT / "images" / family / "requirements.txt").read_text()
        for name, version in re.findall(r"^([a-z0-9._-]+)==([^ ]+)", lock, re.MULTILINE):
            pins.setdefault(name, {}).setdefault(version, []).append(family)
    # KServe's own use of its client, an older one, and deploy_model's have nothing to do with
    # each other.
    del pins["kubernetes"]
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


def test_images_and_boundaries_know_the_same_families():
    assert sorted(FAMILIES) == sorted(p.parent.name for p in ROOT.glob("images/*/requirements.in"))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    independent, layers = settings["contracts"]
    families = [f"holdfast.{family}" for family in FAMILIES]
    assert sorted(independent["modules"]) == sorted(families)
    assert " : ".join(families) in layers["layers"]


def test_list_names_every_component_and_pipeline_with_a_line_each():
    result = command("list")
    assert result.code == 0
    for name in [*catalog.__all__, "training"]:
        assert re.search(rf"^  {name} +\w.+\.$", result.stdout, re.MULTILINE), name


@pytest.mark.parametrize("name", [*catalog.__all__, "training"])
def test_show_gives_inputs_outputs_types_defaults_and_the_line_to_paste(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["show", name])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "inputs:" in shown
    assert "outputs:" in shown
    line = "holdfast run" if name == "training" else f"from holdfast.catalog import {name}"
    assert line in shown


def test_a_reader_that_stops_early_sees_no_traceback():
    pipe = f"{sys.executable} -m holdfast.cli list | true"
    done = subprocess.run(pipe, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == ""


def test_show_of_an_unknown_name_lists_the_known_ones():
    result = command("show", "train_xgbost")
    assert result.code == 2
    assert "'train_xgboost'" in result.stderr


def test_show_gives_defaults_by_their_type():
    shown = command("show", "train_xgboost").stdout
    assert re.search(r"n_estimators +int = 300 ", shown)
    assert re.search(r"learning_rate +float = 0.1 ", shown)
    assert re.search(r"train +system.Dataset ", shown)
