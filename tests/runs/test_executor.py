"""Every component as a cluster's launcher calls it: KFP's executor, MinIO's URIs, no network.

The launcher downloads `minio://BUCKET/KEY` to `/minio/BUCKET/KEY`, and the executor derives one
from the other. The components run in the order of the training pipeline, each on what the one
before wrote, in its family's environment and in a network namespace that holds nothing.
"""

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

from holdfast import catalog
from holdfast.images import family_of
from tests.support import ROOT, family_python

NO_NETWORK = ["unshare", "--net"]


def can_run() -> bool:
    """Tell whether this user may write to /minio and cut the network."""
    return os.geteuid() == 0 and shutil.which("unshare") is not None


pytestmark = pytest.mark.skipif(not can_run(), reason="needs root, for /minio and unshare --net")


def plain(value):
    """Return a default as the driver's JSON has it: whole numbers without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Launcher:
    """Drives components the way KFP's driver and launcher do."""

    def __init__(self, bucket: str, scratch: Path) -> None:
        self.bucket = bucket
        self.scratch = scratch
        self.done: set[str] = set()

    def run(self, name: str, parameters=None, artifacts=None, output_name="") -> dict:
        """Run a component; return its outputs, artifacts in the driver's form."""
        spec = yaml.safe_load((ROOT / "compiled" / "components" / f"{name}.yaml").read_text())
        component = next(iter(spec["components"].values()))
        container = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]
        task = output_name or name
        request = self.request(component, task, parameters or {}, artifacts or {})
        program = self.scratch / f"{task}.py"
        program.write_text(container["command"][-1])
        self.call(name, container["image"], program, request)
        self.done.add(name)
        return self.outputs(request)

    def request(self, component: dict, task: str, parameters: dict, artifacts: dict) -> dict:
        """Return an ExecutorInput as the driver shapes it."""
        inputs = component.get("inputDefinitions", {}).get("parameters", {})
        outputs = component.get("outputDefinitions", {})
        values = {k: plain(v["defaultValue"]) for k, v in inputs.items() if "defaultValue" in v}
        place = f"minio://{self.bucket}/{task}"
        local = place.replace("minio://", "/minio/")
        Path(local).mkdir(parents=True)
        return {
            "inputs": {
                "parameterValues": values | parameters,
                "artifacts": {
                    k: {"artifacts": v if isinstance(v, list) else [v]}
                    for k, v in artifacts.items()
                },
            },
            "outputs": {
                "parameters": {
                    k: {"outputFile": f"{local}/{k}"} for k in outputs.get("parameters", {})
                },
                "artifacts": {
                    k: {
                        "artifacts": [
                            {
                                "name": k,
                                "type": v["artifactType"],
                                "uri": f"{place}/{k}",
                                "metadata": {},
                            }
                        ]
                    }
                    for k, v in outputs.get("artifacts", {}).items()
                },
                "outputFile": f"{local}/executor_output.json",
            },
        }

    def call(self, name: str, image: str, program: Path, request: dict) -> None:
        """Run KFP's executor in the family's environment with the network cut."""
        python = family_python(family_of(image))
        command = [*NO_NETWORK, python, "-m", "kfp.dsl.executor_main",
                   "--component_module_path", program, "--function_to_execute", name,
                   "--executor_input", json.dumps(request)]  # fmt: skip
        variables = {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "_KFP_RUNTIME": "true",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.scratch}/mlflow.db",
        }
        done = subprocess.run(
            command, cwd=self.scratch, env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def outputs(self, request: dict) -> dict:
        """Return what the launcher would publish, after checking that all of it was written."""
        path = Path(request["outputs"]["outputFile"])
        written = json.loads(path.read_text()) if path.is_file() else {}
        found = dict(written.get("parameterValues", {}))
        for key, entry in written.get("artifacts", {}).items():
            (found[key],) = entry["artifacts"]
            json.dumps(found[key]["metadata"], allow_nan=False)
            assert None not in found[key]["metadata"].values()
        declared = {*request["outputs"]["parameters"], *request["outputs"]["artifacts"]}
        assert set(found) == declared
        return found


@pytest.fixture
def launcher(tmp_path):
    bucket = f"holdfast-test-{uuid.uuid4().hex[:8]}"
    made_root = not Path("/minio").exists()
    yield Launcher(bucket, tmp_path)
    shutil.rmtree(f"/minio/{bucket}", ignore_errors=True)
    if made_root:
        shutil.rmtree("/minio", ignore_errors=True)


def test_the_network_is_really_cut():
    probe = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    done = subprocess.run(
        [*NO_NETWORK, family_python("data"), "-c", probe], capture_output=True, text=True
    )
    assert "Network is unreachable" in done.stderr


RULES = """
rules:
  - {rule: condition, sql: '"mean radius" < 25', policy: quarantine}
  - {rule: exists_in_reference, columns: [diagnosis], reference_columns: [diagnosis]}
"""


def validate(launcher: Launcher, train: dict, test: dict) -> dict:
    """Run the validation family: with the optional inputs, and, returned, without them."""
    parts = [
        launcher.run("profile_table", {"shard": n, "shards": 2}, {"table": train}, f"part_{n}")
        for n in (0, 1)
    ]
    shards = [part["profile"] for part in parts]
    baseline = launcher.run("merge_profiles", artifacts={"profiles": shards})["profile"]
    assert baseline["metadata"]["rows"] == train["metadata"]["rows"]
    inferred = launcher.run("infer_schema", artifacts={"profile": baseline})["schema"]
    changes = "columns: {mean radius: {min: 0, sensitive: true}}"
    schema = launcher.run("update_schema", {"changes": changes}, {"schema": inferred})["updated"]
    profile = launcher.run("profile_table", {}, {"table": test}, "profile_test")["profile"]
    given = {"profile": profile, "baseline": baseline, "serving": baseline, "reference": train}
    full = launcher.run(
        "validate_table", {"expectations": RULES, "max_quarantine_share": 1.0},
        {"table": test, "schema": schema, **given}, "validate_all",
    )  # fmt: skip
    accepted, aside = full["accepted"]["metadata"], full["quarantine"]["metadata"]
    assert accepted["rows"] + aside["rows"] == test["metadata"]["rows"]
    assert accepted["target"] == aside["target"] == "diagnosis"
    assert full["verdict"]["metadata"]["decision"] == full["Output"] != "fail"
    return launcher.run("validate_table", artifacts={"table": test, "schema": schema})


def learn(launcher: Launcher, train: dict, transformer: dict, validation: dict) -> dict:
    """Run the training family: with the optional inputs, and, returned, without them."""
    given = {"train": train, "transformer": transformer}
    folded = launcher.run("cross_validate", {"parameters": "n_estimators: 10"}, given)
    assert folded["predictions"]["metadata"]["rows"] == train["metadata"]["rows"]
    assert folded["metrics"]["metadata"]["roc_auc"] > 0.95
    simple = launcher.run("train_sklearn", {"estimator": "LogisticRegression"}, given)
    assert simple["model"]["metadata"]["classes"] == ["benign", "malignant"]
    searched = {"space": "max_depth: {low: 2, high: 4}\nn_estimators: 5", "trials": 2, "folds": 2}
    tuned = launcher.run("tune_hyperparameters", searched, given)
    first = launcher.run("train_xgboost", {"parameters": tuned["Output"]}, given, "train_first")
    more = {"early_stopping_rounds": 3, "monotone": {"mean radius": 1}, "class_weight": "balanced"}
    others = {"validation": validation, "previous": first["model"]}
    launcher.run("train_xgboost", more, given | others, "train_more")
    return launcher.run("train_xgboost", artifacts=given)


def judge(launcher: Launcher, model: dict, shares: dict, validated: dict) -> dict:
    """Compare and evaluate a model, with the optional inputs and without; return the evaluation."""
    given = {"model": model, "test": shares["test"]}
    others = {"validation": shares["train"], "train": shares["train"]}
    settings = {"segments": ["mean radius"], "minimum_segment_rows": 20, "draws": 50}
    full = launcher.run("evaluate_model", settings, given | others, "evaluate_all")
    assert 0 < full["metrics"]["metadata"]["threshold"] < 1
    pair = {"challenger": model, "test": shares["test"]}
    alone = launcher.run("compare_models", artifacts=pair)
    same = launcher.run("compare_models", {"draws": 50}, pair | {"champion": model}, "compare_both")
    assert (alone["Output"], same["Output"]) == ("no_baseline", "warn")
    judged = launcher.run("evaluate_model", artifacts=given)
    assert judged["predictions"]["metadata"]["rows"] == shares["test"]["metadata"]["rows"]
    roles = {"data": validated, "evaluation": judged["verdict"], "comparison": same["verdict"]}
    assert launcher.run("check_verdict", artifacts=roles)["Output"] == "warn"
    return judged


def assess(launcher: Launcher, model: dict, test: dict) -> dict:
    """Run what judges a model beyond its metric; return what the model card takes of it."""
    given = {"model": model, "test": test}
    settings = {"sensitive": ["mean radius"], "bins": {"mean radius": [15]}, "gates": []}
    fair = launcher.run("assess_fairness", settings, given)
    # Large tumours are malignant: an answer that knew nothing of the radius would be wrong.
    assert fair["Output"] == fair["verdict"]["metadata"]["decision"] == "fail"
    assert fair["metrics"]["metadata"]["mean radius.demographic_parity_difference"] > 0.5
    expected = {"monotonic": {"mean radius": "increasing"}, "protected": ["mean radius"]}
    robust = launcher.run("assess_robustness", expected, given)
    assert robust["Output"] == robust["verdict"]["metadata"]["decision"]
    assert robust["metrics"]["metadata"]["roc_auc"] > 0.95
    gates = {"fairness": fair, "robustness": robust}
    metrics = {name: gate["metrics"] for name, gate in gates.items()}
    return metrics | {f"{name}_verdict": gate["verdict"] for name, gate in gates.items()}


def describe(launcher: Launcher, model: dict, shares: dict, judged: dict, known: dict) -> None:
    """Explain a model, and write its card with all that is known and with nothing."""
    given = {"model": model, "test": shares["test"]}
    settings = {"rows": 50, "top": 2}
    first = launcher.run("explain_model", settings, given, "explain_first")
    again = launcher.run("explain_model", settings, given | {"previous": model})
    assert (first["Output"], again["Output"]) == ("no_baseline", "pass")
    assert again["explanations"]["metadata"]["rows"] == 50
    assert again["metrics"]["metadata"]["importance_correlation"] == pytest.approx(1)
    known = known | {
        "metrics": judged["metrics"],
        "verdict": judged["verdict"],
        "explanation": again["metrics"],
        "explanation_verdict": again["verdict"],
        "data_verdict": judged["verdict"],
    }
    told = {"name": "cancer", "license": "mit"}
    tables = {"train": shares["train"], "test": shares["test"]}
    launcher.run("write_model_card", told, {"model": model} | tables | known, "card_full")
    launcher.run("write_model_card", artifacts={"model": model})


def register(launcher, model, judged, shares) -> dict:
    """Register a model twice, promote both versions, look at them, and go one back."""
    profile = launcher.run("profile_table", {}, {"table": shares["train"]}, "profile")["profile"]
    for number, key in enumerate(("one", "two"), start=1):
        tables = {"train": shares["train"], "test": shares["test"]}
        made = launcher.run(
            "register_model",
            {"model_name": "cancer", "run_key": key},
            {"model": model, "metrics": judged["metrics"], "profile": profile, **tables},
            output_name=f"register-{number}",
        )
        assert made["model_version"] == number
        launcher.run(
            "promote_model",
            {"model_name": "cancer", "reason": key},
            {"verdict": judged["verdict"]},
            output_name=f"promote-{number}",
        )
    launcher.run("compare_versions", {"model_name": "cancer"})
    launcher.run("report_version", {"model_name": "cancer"})
    return launcher.run("roll_back_model", {"model_name": "cancer", "reason": "A test."})


def test_every_component_runs_under_kfps_executor(launcher, breast_cancer):
    uri = str(breast_cancer)
    source = launcher.run("resolve_source", {"uri": uri})
    table = launcher.run(
        "ingest_table",
        {"uri": uri, "target": "diagnosis", "fingerprint": source["fingerprint"]},
    )
    exported = launcher.run(
        "export_table", {"uri": f"{launcher.scratch}/kept.parquet"}, {"table": table["table"]}
    )
    kept = launcher.run("fetch_artifact", {"uri": f"{launcher.scratch}/kept.parquet"})
    launcher.run(
        "export_artifact", {"uri": f"{launcher.scratch}/again"}, {"artifact": kept["artifact"]}
    )
    shares = launcher.run("split_table", artifacts={"table": table["table"]})
    three = {"train": 0.7, "test": 0.2, "holdout": 0.1}
    taken = launcher.run("take_share", {"shares": three, "name": "test"}, {"table": table["table"]})
    validation = validate(launcher, shares["train"], shares["test"])
    launcher.run("check_verdict", artifacts={"verdict": validation["verdict"]}, output_name="gate")
    transformer = launcher.run("fit_transformer", artifacts={"train": shares["train"]})
    trained = learn(launcher, shares["train"], transformer["transformer"], shares["test"])
    judged = judge(launcher, trained["model"], shares, validation["verdict"])
    known = assess(launcher, trained["model"], shares["test"])
    describe(launcher, trained["model"], shares, judged, known)
    registered = register(launcher, trained["model"], judged, shares)
    assert launcher.done == set(catalog.__all__)
    assert validation["Output"] == judged["Output"] == "pass"
    assert judged["metrics"]["metadata"]["roc_auc"] > 0.97
    assert (registered["version"], registered["previous"]) == (1, 2)
    assert judged["curves"]["metadata"]["confusionMatrix"]["annotationSpecs"]
    assert shares["train"]["metadata"]["rows"] + shares["test"]["metadata"]["rows"] == 569
    assert exported == {"rows": 569, "written": True}
    assert table["table"]["metadata"]["source_fingerprint"] == source["fingerprint"]
    assert (taken["share"]["metadata"]["rows"], taken["share"]["metadata"]["role"]) == (114, "test")


def test_a_training_step_given_a_locked_holdout_ends_with_an_input_error(launcher, breast_cancer):
    table = launcher.run("ingest_table", {"uri": str(breast_cancer), "target": "diagnosis"})
    shares = launcher.run("split_table", {"holdout_share": 0.1}, {"table": table["table"]})
    assert shares["holdout"]["metadata"]["rows"] == 57
    with pytest.raises(AssertionError, match="InputError: `train` must not be a locked holdout"):
        launcher.run("fit_transformer", artifacts={"train": shares["holdout"]})
