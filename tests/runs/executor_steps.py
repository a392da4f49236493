"""The catalog's components, each on what the one before wrote, on either launcher.

What needs a cluster or a server has none: then the error or the verdict that its documentation
promises counts.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.runs.launcher import Launcher, files


def run_catalog(launcher: Launcher, path: Path) -> None:
    """Run every component of the catalog, two at a time where neither reads what the other writes.

    Args:
        launcher: Runs them.
        path: scikit-learn's breast cancer table.
    """
    table = ingest(launcher, path)
    shares = split(launcher, table)
    with ThreadPoolExecutor(1) as beside:
        validated = beside.submit(validate, launcher, shares["train"], shares["test"])
        transformer = launcher.run("fit_transformer", artifacts={"train": shares["train"]})
        model = learn(launcher, shares["train"], transformer["transformer"], shares["test"])
        verdict = validated.result()["verdict"]
    judged = judge(launcher, model, shares, verdict)
    with ThreadPoolExecutor(1) as beside:
        told = beside.submit(tell, launcher, model, shares, judged)
        use(launcher, model, shares, judged)
    told.result()


def tell(launcher: Launcher, model: dict, shares: dict, judged: dict) -> None:
    """Run what is told about a model."""
    known = assess(launcher, model, shares["test"])
    describe(launcher, model, shares, judged, known)
    find_outliers(launcher, shares)


def use(launcher: Launcher, model: dict, shares: dict, judged: dict) -> None:
    """Run what is done with a model: score, register, serve, watch and react."""
    found = window(launcher)
    scored = score(launcher, model, shares["test"], found)
    fitted = fit(launcher, shares["train"], scored)
    register(launcher, model, judged, shares, fitted)
    fetched = fetch(launcher, model, fitted)
    serve(launcher, fetched["model"], shares["test"])
    watched = watch(launcher, scored, fetched, found)
    react(launcher, watched, found)
    ask_in_vain(launcher, fetched["model"], found)


def ingest(launcher: Launcher, path: Path) -> dict:
    """Read a table, and keep it elsewhere; return it."""
    uri = str(path)
    source = launcher.run("resolve_source", {"uri": uri})
    given = {"uri": uri, "target": "diagnosis", "fingerprint": source["fingerprint"]}
    table = launcher.run("ingest_table", given)["table"]
    assert table["metadata"]["source_fingerprint"] == source["fingerprint"]
    kept = {"uri": f"{launcher.scratch}/kept.parquet"}
    exported = launcher.run("export_table", kept, {"table": table})
    assert exported == {"rows": 569, "written": True}
    artifact = launcher.run("fetch_artifact", kept)["artifact"]
    again = {"uri": f"{launcher.scratch}/again"}
    launcher.run("export_artifact", again, {"artifact": artifact})
    return table


def split(launcher: Launcher, table: dict) -> dict:
    """Split a table; return its training and its test share."""
    three = {"train": 0.7, "test": 0.2, "holdout": 0.1}
    taken = launcher.run("take_share", {"shares": three, "name": "test"}, {"table": table})
    assert (taken["share"]["metadata"]["rows"], taken["share"]["metadata"]["role"]) == (114, "test")
    shares = launcher.run("split_table", artifacts={"table": table})
    assert shares["train"]["metadata"]["rows"] + shares["test"]["metadata"]["rows"] == 569
    return shares


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
    alone = launcher.run("validate_table", artifacts={"table": test, "schema": schema})
    assert alone["Output"] == "pass"
    launcher.run("check_verdict", artifacts={"verdict": alone["verdict"]}, output_name="gate")
    return alone


def learn(launcher: Launcher, train: dict, transformer: dict, validation: dict) -> dict:
    """Run the training family: with the optional inputs, and without; return the latter's model."""
    given = {"train": train, "transformer": transformer}
    told = {"table": train, "transformer": transformer}
    features = launcher.run("transform_table", {}, told)["features"]
    assert features["metadata"]["rows"] == train["metadata"]["rows"]
    folded = launcher.run("cross_validate", {"parameters": "n_estimators: 10"}, given)
    assert folded["predictions"]["metadata"]["rows"] == train["metadata"]["rows"]
    assert folded["metrics"]["metadata"]["roc_auc"] > 0.95
    simple = launcher.run("train_sklearn", {"estimator": "LogisticRegression"}, given)
    assert simple["model"]["metadata"]["classes"] == ["benign", "malignant"]
    searched = {"space": "max_depth: {low: 2, high: 4}\nn_estimators: 5", "n_trials": 2, "folds": 2}
    tuned = launcher.run("tune_hyperparameters", searched, given)
    first = launcher.run("train_xgboost", {"parameters": tuned["Output"]}, given, "train_first")
    more = {
        "early_stopping_rounds": 3,
        "monotone_constraints": {"mean radius": 1},
        "class_weight": "balanced",
    }
    others = {"validation": validation, "previous": first["model"]}
    launcher.run("train_xgboost", more, given | others, "train_more")
    return launcher.run("train_xgboost", artifacts=given)["model"]


def judge(launcher: Launcher, model: dict, shares: dict, validated: dict) -> dict:
    """Compare and evaluate a model, with the optional inputs and without; return the evaluation."""
    given = {"model": model, "test": shares["test"]}
    others = {"validation": shares["train"], "train": shares["train"]}
    settings = {"segments": ["mean radius"], "min_segment_rows": 20, "n_resamples": 50}
    full = launcher.run("evaluate_model", settings, given | others, "evaluate_all")
    assert 0 < full["metrics"]["metadata"]["threshold"] < 1
    pair = {"challenger": model, "test": shares["test"]}
    alone = launcher.run("compare_models", artifacts=pair)
    same = launcher.run(
        "compare_models", {"n_resamples": 50}, pair | {"champion": model}, "compare_both"
    )
    assert (alone["Output"], same["Output"]) == ("no_baseline", "warn")
    judged = launcher.run("evaluate_model", artifacts=given)
    assert judged["predictions"]["metadata"]["rows"] == shares["test"]["metadata"]["rows"]
    assert judged["curves"]["metadata"]["confusionMatrix"]["annotationSpecs"]
    assert judged["metrics"]["metadata"]["roc_auc"] > 0.97
    assert judged["Output"] == "pass"
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


WATCH = "verdicts: {drift: [fail], performance: [fail]}\nof_last: 3"
ALERTS = """
channels: {hook: {kind: webhook, url_env: HOOK_URL}}
rules:
  - {name: scored, severity: info, when: {metric: rows, at_least: 1}, channels: [hook],
     message: "$name has ${metrics.rows} rows in $window."}
  - {name: drifted, severity: warning, when: {verdict: drift, decision: [fail]}, channels: [hook]}
"""
NOWHERE = "http://127.0.0.1:9"


def window(launcher: Launcher) -> dict:
    """Resolve the window that is scored and watched."""
    asked = {"window_start": "P1D", "window_end": "2026-11-21", "time_column": "day"}
    found = launcher.run("resolve_window", asked | {"uri": "s3://lake/{window}/"})
    assert found["interval"] == "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"
    assert found["uri"] == f"s3://lake/{found['key']}/"
    return found


def score(launcher: Launcher, model: dict, test: dict, window: dict) -> dict:
    """Score rows; return the predictions."""
    given = {"inputs": test, "model": model}
    done = launcher.run("batch_predict", {"predicted_at": window["as_of"]}, given)
    assert done["Output"] == done["verdict"]["metadata"]["decision"] == "pass"
    assert done["predictions"]["metadata"]["rows"] == test["metadata"]["rows"]
    assert done["quarantine"]["metadata"]["rows"] == 0
    return done["predictions"]


def fit(launcher: Launcher, train: dict, scored: dict) -> dict:
    """Fit what later windows are compared with; return it by register_model's names."""
    baseline = launcher.run(
        "fit_performance_baseline", {"n_resamples": 50}, {"predictions": scored}
    )
    assert baseline["metrics"]["metadata"]["roc_auc"] > 0.97
    detector = launcher.run("fit_drift_detector", {}, {"reference": scored})["detector"]
    assert detector["metadata"]["rows"] == scored["metadata"]["rows"]
    profile = launcher.run("profile_table", {}, {"table": train}, "profile")["profile"]
    return {
        "profile": profile,
        "drift_detector": detector,
        "performance_baseline": baseline["baseline"],
    }


def register(launcher: Launcher, model: dict, judged: dict, shares: dict, fitted: dict) -> None:
    """Register a model twice, promote both versions, go one back, and pause promotions."""
    tables = {"train": shares["train"], "test": shares["test"]}
    given = {"model": model, "metrics": judged["metrics"]} | tables | fitted
    cancer = {"model_name": "cancer"}
    allowed = {"verdict": judged["verdict"]}
    for number, key in enumerate(("one", "two"), start=1):
        made = launcher.run("register_model", cancer | {"run_key": key}, given, f"register-{key}")
        assert made["model_version"] == number
        launcher.run("promote_model", cancer | {"reason": key}, allowed, f"promote-{key}")
    launcher.run("compare_versions", cancer)
    launcher.run("report_version", cancer)
    launcher.run("pause_promotion", cancer | {"reason": "An audit."})
    three = cancer | {"version": 1, "reason": "three"}
    code, said = launcher.refuse("promote_model", three, allowed, "paused")
    assert "An audit." in said
    assert (code, said.partition(":")[0]) == (1, "GateError")
    back = launcher.run("roll_back_model", cancer | {"reason": "A test."})
    assert (back["version"], back["previous"]) == (1, 2)


def fetch(launcher: Launcher, model: dict, fitted: dict) -> dict:
    """Take the champion back into the run, with all that was registered with it."""
    fetched = launcher.run("fetch_model", {"model_name": "cancer"})
    assert (fetched["name"], fetched["version"]) == ("cancer", 1)
    for name, artifact in {"model": model, **fitted}.items():
        given, found = files(place(artifact)), files(place(fetched[name]))
        assert given
        assert {path: found.get(path) for path in given} == given
    return fetched


def place(artifact: dict) -> Path:
    """Return where the launcher has an artifact's files."""
    return Path(artifact["uri"].replace("minio://", "/minio/"))


def serve(launcher: Launcher, model: dict, table: dict) -> None:
    """Serve a model on the loopback interface, and compare what it answers."""
    given = {"model": model, "table": table}
    served = launcher.run("check_parity", {"rows": 50}, given, loopback=True)
    assert served["Output"] == "pass"
    found = served["metrics"]["metadata"]
    assert (found["rows"], found["v1_differing"], found["v2_differing"]) == (50, 0, 0)


def watch(launcher: Launcher, scored: dict, fetched: dict, window: dict) -> dict:
    """Watch the predictions that all was fitted on: nothing has changed."""
    drift = launcher.run(
        "detect_drift", artifacts={"current": scored, "detector": fetched["drift_detector"]}
    )
    assert drift["Output"] == "pass"
    assert drift["metrics"]["metadata"]["drifted_columns"] == 0
    given = {"predictions": scored, "baseline": fetched["performance_baseline"]}
    settings = {"n_resamples": 50, "as_of": window["as_of"]}
    measured = launcher.run("monitor_performance", settings, given)
    assert measured["Output"] == "pass"
    rows = scored["metadata"]["rows"]
    found = measured["metrics"]["metadata"]
    assert (found["rows"], found["labelled"]) == (rows, rows)
    estimated = launcher.run("estimate_performance", settings, given)
    assert estimated["Output"] == "pass"
    assert estimated["metrics"]["metadata"]["roc_auc"] == pytest.approx(found["roc_auc"], abs=0.05)
    return {
        "drift": drift["verdict"],
        "performance": measured["verdict"],
        "estimate": estimated["verdict"],
        "metrics": measured["metrics"],
    }


def find_outliers(launcher: Launcher, shares: dict) -> None:
    """Look for outliers with the reference's detector."""
    fitted = launcher.run("fit_outlier_detector", artifacts={"reference": shares["train"]})
    given = {"current": shares["test"], "detector": fitted["detector"]}
    found = launcher.run("detect_outliers", artifacts=given)
    assert found["Output"] == found["verdict"]["metadata"]["decision"] == "pass"
    assert found["metrics"]["metadata"]["rows"] == shares["test"]["metadata"]["rows"]
    assert found["outliers"]["metadata"]["rows"] == found["metrics"]["metadata"]["outliers"]


def react(launcher: Launcher, watched: dict, window: dict) -> None:
    """Decide by what was watched, try the policy on history, alert, and plan an experiment."""
    when = {"name": "cancer", "window": window["interval"]}
    decided = launcher.run("decide_retraining", when | {"policy": WATCH, "rows": 114}, watched)
    assert (decided["Output"], decided["history"]["metadata"]["rows"]) == ("wait", 1)
    history = {"history": decided["history"]}
    tried = launcher.run("backtest_retraining", {"policy": WATCH}, history)["metrics"]["metadata"]
    assert (tried["windows"], tried["retrained"]) == (1, 0)
    told = launcher.run("send_alert", when | {"rules": ALERTS, "dry_run": True}, watched)
    assert told["Output"] == "dry_run"
    counts = told["counts"]["metadata"]
    assert (counts["told"], counts["sent"], counts["unsent"]) == (1, 0, 0)
    assert f"cancer has 114 rows in {window['interval']}" in place(told["summary"]).read_text()
    asked = {"metric": "bought", "effect": 0.02, "baseline": 0.1}
    planned = launcher.run("analyse_experiment", asked)
    assert (planned["Output"], planned["verdict"]["metadata"]["decision"]) == (
        "continue",
        "no_baseline",
    )
    # (1.960 + 0.842)^2 * (0.1 * 0.9 + 0.12 * 0.88) / 0.02^2
    assert planned["metrics"]["metadata"]["units_needed_control"] == 3839


def ask_in_vain(launcher: Launcher, model: dict, window: dict) -> None:
    """Ask for servers and clusters that are not there: a verdict or an error says so."""
    where = {"url": NOWHERE, "model_name": "cancer"}
    checked = launcher.run("check_endpoint", where | {"retries": 0}, {"model": model})
    assert checked["Output"] == checked["verdict"]["metadata"]["decision"] == "fail"
    loaded = launcher.run("load_test_endpoint", where, {"model": model})
    assert loaded["Output"] == loaded["verdict"]["metadata"]["decision"] == "fail"
    assert loaded["metrics"]["metadata"]["error_share"] == 1
    served = {"model_name": "cancer", "name": "cancer", "storage_uri": "s3://models/cancer"}
    for step, given in (("deploy_model", served), ("shift_traffic", {"name": "cancer"})):
        code, said = launcher.refuse(step, given)
        assert (code, said.partition(":")[0]) == (3, "MachineError")
        assert "A cluster must be configured" in said
    run = {"pipeline": "training", "window": window["interval"], "endpoint": NOWHERE}
    code, said = launcher.refuse("trigger_run", run)
    assert (code, said.partition(":")[0]) == (3, "MachineError")
    assert f"KFP at {NOWHERE} must answer" in said
