"""No error in what kfp compiles, and every warning of it true: looked at by hand, file by file.

kubeflow/pipelines keeps a sample for each feature (test_data/sdk_compiled_pipelines/valid,
kubernetes_platform/python/test/snapshot). `features.py` has pipelines of our own for these
features; what else is in those samples, and no kfp of today writes, is in OLDER below.
"""

import warnings

import pytest
import yaml
from kfp import compiler

from holdfast.lint import engine
from tests.lint import features, files
from tests.lint.files import changed, documents, found
from tests.support import ROOT

# All of these pipelines lack resources and descriptions, and so do their parameters.
COMMON = {"HF204", "HF701", "HF702", "HF703"}
INSTALLS = {"HF201"}
EXPECTED = {
    # kfp's own default image, into which kfp is installed.
    "add": INSTALLS,
    "install": INSTALLS,
    "installs": INSTALLS,
    "loops": INSTALLS,
    "loops-in-loops": INSTALLS | {"HF302"},
    "nested-fan-in": INSTALLS,
    # An image without a tag.
    "container": {"HF202"},
    "untagged": {"HF202"},
    # kfp.local skips or fails; test_local_runs.py runs them.
    "condition-on-named": {"HF301"},
    "loop-over-named": {"HF302"},
    "one-of-artifacts": {"HF303"},
    # A fixed address of another machine, without reimport; the other has it.
    "importers": {"HF304", "HF502"},
    "metadata-of-importer": {"HF304"},
    "exit-handler-cached": {"HF503"},
    # One of the three retries has no pause, one is of a nested pipeline.
    "retries": {"HF206", "HF207"},
    # A secret in the environment, and no retry.
    "secrets": {"HF205"},
    "secrets-in-loops": {"HF205"},
}
COMPILED = sorted((ROOT / "compiled").glob("*/*.yaml"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Return a folder with every feature compiled."""
    folder = tmp_path_factory.mktemp("features")
    for name, pipeline in {**features.PIPELINES, **features.COMPONENTS}.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiler.Compiler().compile(pipeline, str(folder / f"{name}.yaml"))
    return folder


@pytest.mark.parametrize("name", sorted({**features.PIPELINES, **features.COMPONENTS}))
def test_what_kfp_compiles_has_no_error_and_true_warnings_only(compiled, name):
    results = engine.lint([compiled / f"{name}.yaml"]).results
    assert [r for r in results if r.finding.severity == "error"] == []
    assert {r.finding.rule for r in results} - COMMON == EXPECTED.get(name, set())


def test_resources_and_descriptions_satisfy_the_rules_that_all_others_break(compiled):
    assert engine.lint([compiled / "resources.yaml"]).results == []


@pytest.mark.parametrize("path", COMPILED, ids=[path.stem for path in COMPILED])
def test_our_own_files_have_no_error(path):
    errors = [r for r in engine.lint([path]).results if r.finding.severity == "error"]
    assert errors == []


def configured(**config):
    """Return the documents with more configuration of the first step."""
    return changed("platforms/kubernetes/deploymentSpec/executors/exec-load", **config)


def with_pipeline_config(**config):
    """Return the documents with configuration of the pipeline."""
    pipeline, platform = documents()
    platform["platforms"]["kubernetes"]["pipelineConfig"] = config
    return pipeline, platform


CONTAINER = "deploymentSpec/executors/exec-load/container"
OLDER = {
    # kfp-kubernetes 1.4 named this field otherwise: the server of its day knew it.
    "a field of an older kfp-kubernetes": (
        configured(configMapAsVolume=[{
            "configMapName": "m", "mountPath": "/m", "optional": False,
            "configNameParameter": {"runtimeValue": {"constant": "m"}}}]),
        ["HF103 warning"],
    ),
    "a field of another kfp": (with_pipeline_config(maxActiveRuns=2), ["HF103 warning"]),
    "a secret named by a parameter": (
        configured(secretAsEnv=[{
            "keyToEnv": [{"envVar": "A", "secretKey": "a"}], "optional": False,
            "secretName": "s", "secretNameParameter": {"runtimeValue": {"constant": "s"}}}]),
        [],
    ),
    "a volume of a task's output": (
        configured(pvcMount=[{"mountPath": "/d", "taskOutputParameter": {
            "producerTask": "load", "outputParameterKey": "Output"}}]),
        [],
    ),
    "caching left out": (changed("root/dag/tasks/train", cachingOptions={}), []),
    "nothing where a mapping may be": (changed("root/dag/tasks/train", retryPolicy={}), []),
    "whole numbers as text": (
        changed("root/dag/tasks/load/retryPolicy", maxRetryCount="2"), []),
    "resources by the older names": (
        changed(CONTAINER, resources={"cpuRequest": 0.5, "memoryLimit": 2.0}), []),
    "a default that is a number for a whole number": (
        changed("components/comp-load/inputDefinitions/parameters/rows", defaultValue=10.0), []),
    "a name of a secret as a default": (
        changed("components/comp-load/inputDefinitions/parameters/rows",
                parameterType="STRING", defaultValue="test-secret-1"), []),
}  # fmt: skip


@pytest.mark.parametrize("parts, expected", OLDER.values(), ids=OLDER)
def test_dialects_of_other_versions_are_valid(tmp_path, parts, expected):
    assert found(tmp_path, *parts) == expected


def test_null_is_what_protobuf_takes_it_for(tmp_path):
    pipeline = files.PIPELINE.replace(
        "        taskInfo:\n          name: train", "        taskInfo:"
    )
    assert found(tmp_path, pipeline, files.PLATFORM) == []


def test_a_default_named_as_a_secret_is_the_name_of_one(tmp_path):
    # A parameter secret_parm that holds the name of a Kubernetes Secret, as in KFP's sample.
    text = files.PIPELINE.replace("rows:\n          parameterType: NUMBER_INTEGER", (
        "secret_parm:\n          parameterType: STRING")).replace("defaultValue: 10", (
            "defaultValue: test-secret-1"))  # fmt: skip
    assert yaml.safe_load(text)["components"]["comp-load"]["inputDefinitions"]["parameters"]
    assert found(tmp_path, text, files.PLATFORM) == []
