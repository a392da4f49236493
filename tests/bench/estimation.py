"""Estimates without labels against the truth, on real tables with a known shift.

python -m tests.bench.estimation. Models are trained on one share of the rows, baselines are fitted
on another, and what is judged are rows that neither has seen. Each stage runs in the environment of
its family.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SEED = 0
# Share of the rows that the model learns from, and of those that the baseline is fitted on.
SHARES = (0.5, 0.25)
DRAWS = 60
METRICS = {"classification": ("roc_auc", "accuracy", "f1"), "regression": ("rmse", "mae")}
NAMES = "metric", "reference", "estimate", "from", "to", "truth", "trusted", "estimated", "measured"


def main() -> None:
    """Print a row for each table, shift and metric."""
    with tempfile.TemporaryDirectory() as folder:
        run("training", "score", folder)
        run("monitoring", "compare", folder)
        run("monitoring", "coverage", folder)


def run(family: str, stage: str, folder: str) -> None:
    """Run a stage in the environment of a family."""
    from holdfast.local import environments, files

    python = environments.ensure(family, lambda _: None)
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{files.PACKAGE.parent}"}
    command = [python, "-m", "tests.bench.estimation", stage, folder]
    subprocess.run(command, env=variables, check=True)


def score(folder: Path) -> None:
    """Train the models and write a folder of predictions for each case."""
    for name, frame, target, groups, ignored in cases():
        parts = split(frame, groups)
        features = [c for c in frame.columns if c not in (target, *ignored)]
        model = train(parts.pop("train"), features, target)
        for part, rows in parts.items():
            write(folder / name / part, rows, model, features, target)


def cases() -> Iterator[tuple[str, Any, str, dict[str, Any], tuple[str, ...]]]:
    """Yield name, rows, target, the groups that are held out, and columns that are no features."""
    import pandas as pd

    bike = pd.read_csv(DATA / "bike_hour.csv")
    ignored = ("instant", "dteday", "casual", "registered")
    groups = {
        "2012": (bike["yr"] == 1, True),
        "nights of 2011": ((bike["hr"] < 6) & (bike["yr"] == 0), False),
        "heat of 2011": ((bike["temp"] > 0.7) & (bike["yr"] == 0), False),
    }
    yield "bike", bike, "cnt", groups, ignored
    yield "bike, year unknown", bike, "cnt", {"2012": groups["2012"]}, (*ignored, "yr")
    adult = pd.read_parquet(DATA / "adult.parquet")
    texts = adult.select_dtypes(["category", "object", "string"]).columns
    adult[texts] = adult[texts].astype(object)
    for column, value in (("occupation", "Exec-managerial"), ("occupation", "Farming-fishing")):
        held = {f"only {value}": (adult[column] == value, True)}
        yield f"adult without {value}", adult, "class", held, ()
    held = {"born elsewhere": ((adult["native-country"] != "United-States"), True)}
    yield "adult born in the US", adult, "class", held, ()
    held = {
        "55 and older": (adult["age"] >= 55, False),
        "married": (adult["marital-status"] == "Married-civ-spouse", False),
        "women": (adult["sex"] == "Female", False),
    }
    yield "adult", adult, "class", held, ()


def split(frame: Any, groups: dict[str, Any]) -> dict[str, Any]:
    """Return the shares: rows of groups that are held out are in none of the others."""
    import numpy as np

    place = np.random.default_rng(SEED).random(len(frame))
    kept = np.ones(len(frame), bool)
    for chosen, apart in groups.values():
        kept &= ~(chosen.to_numpy() & apart)
    ends = SHARES[0], sum(SHARES)
    later = place >= ends[1]
    parts = {
        "train": frame[kept & (place < ends[0])],
        "reference": frame[kept & (place >= ends[0]) & ~later],
        "no shift": frame[kept & later],
    }
    for name, (chosen, apart) in groups.items():
        parts[name] = frame[chosen.to_numpy() & (apart | later)]
    return parts


def train(rows: Any, features: list[str], target: str) -> Any:
    """Fit 300 trees of depth 6, as the reference figures of the tables have it."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import LabelEncoder, OrdinalEncoder
    from xgboost import XGBClassifier, XGBRegressor

    numeric = rows[target].dtype.kind in "if"
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    chosen = make_column_selector(dtype_exclude="number")
    columns = make_column_transformer((encoder, chosen), remainder="passthrough")
    trees = XGBRegressor if numeric else XGBClassifier
    learner = trees(n_estimators=300, max_depth=6, learning_rate=0.1, random_state=42, n_jobs=1)
    labels = rows[target] if numeric else LabelEncoder().fit_transform(rows[target])
    return make_pipeline(columns, learner).fit(rows[features], labels)


def write(path: Path, rows: Any, model: Any, features: list[str], target: str) -> None:
    """Write predictions as batch_predict does."""
    import pyarrow as pa

    from holdfast.performance.columns import PredictionColumns
    from holdfast.table import TableWriter

    made = {name: pa.array(rows[name], from_pandas=True) for name in [*features, target]}
    if rows[target].dtype.kind in "if":
        meaning = PredictionColumns("regression", target)
        made["prediction"] = pa.array(model.predict(rows[features]).astype(float))
    else:
        classes = ("<=50K", ">50K")
        meaning = PredictionColumns("classification", target, classes)
        found = model.predict_proba(rows[features]).astype(float)
        made["prediction"] = pa.array([classes[place] for place in found.argmax(axis=1)])
        made |= {f"probability_{c}": pa.array(found[:, n]) for n, c in enumerate(classes)}
    table = pa.table(made)
    with TableWriter(path, meaning.attach(table.schema)) as writer:
        for batch in table.to_batches():
            writer.write(batch)


def compare(folder: Path) -> None:
    """Fit a baseline for each case; estimate and measure each of its parts."""
    from holdfast.monitoring.fit_performance_baseline import logic as fitting
    from holdfast.monitoring.scored import open_predictions
    from holdfast.performance.bootstrap import Resampling

    print("| model | rows judged | " + " | ".join(NAMES) + " |")
    print("|---" * (len(NAMES) + 2) + "|")
    for case in sorted(path for path in folder.iterdir() if path.suffix != ".baseline"):
        reference = open_predictions(str(case / "reference"))
        fitted = fitting.fit(reference, "", (), (), Resampling(200, 0.95, SEED)).baseline
        baseline = folder / f"{case.name}.baseline"
        fitted.write(baseline)
        for part in sorted(case.iterdir()):
            if part.name != "reference":
                lines(case.name, part, baseline)


def lines(case: str, part: Path, baseline: Path) -> None:
    """Print what is estimated and what is true of some rows."""
    from holdfast.monitoring.baseline import read_baseline
    from holdfast.monitoring.estimate_performance import logic as estimating
    from holdfast.monitoring.monitor_performance import logic as measuring

    cut = ("", "UTC", "2026-01-01")
    known = read_baseline(baseline)
    metrics = METRICS[known.origin.task]
    rule = (metrics[0], 0.05, 100)
    guess = estimating.estimate(
        estimating.open_inputs(str(part), str(baseline), "", cut),
        estimating.ask(rule, (0.05, "fail"), 200, 0.95, SEED),
    )
    truth = measuring.monitor(
        measuring.open_inputs((str(part), "", str(baseline)), ((), "", ""), cut),
        measuring.ask(rule, (0.5, 0.01), 200, 0.95, SEED),
    )
    codes = [r.code for r in guess.verdict.reasons if r.effect == "warn"]
    doubts = [code for code in codes if not code.startswith("estimated_")]
    trusted = "yes" if guess.scores["trusted"] else f"no: {', '.join(dict.fromkeys(doubts))}"
    for metric in metrics:
        values = known.metrics[metric].value, *(
            guess.scores[name] for name in (metric, f"{metric}_low", f"{metric}_high")
        ), truth.scores[metric]  # fmt: skip
        # The first metric is the one that is judged.
        judged = (guess.verdict.decision, truth.verdict.decision)
        ends = judged if metric == metrics[0] else ("", "")
        cells = case, part.name, metric, *(f"{value:.4g}" for value in values), trusted, *ends
        print("| " + " | ".join(cells) + " |", flush=True)


def coverage(folder: Path) -> None:
    """Print how often the interval holds the truth, for new draws of reference and rows.

    Of Adult: 3,000 rows of reference, and 2,000 others, of all people and of the married alone.
    """
    import numpy as np
    import pyarrow as pa

    from holdfast.monitoring import calibration, expected
    from holdfast.monitoring.scored import open_predictions, predictions_of
    from holdfast.performance.bootstrap import Resampling
    from holdfast.performance.metrics import make_scorer

    parts = [open_predictions(str(folder / "adult" / name)) for name in ("reference", "no shift")]
    rows = pa.concat_tables([part.table.read() for part in parts])
    every = predictions_of(rows, "class", parts[0].columns)
    married = np.array(rows["marital-status"].to_pylist()) == "Married-civ-spouse"
    held: dict[str, list[list[bool]]] = {"all": [], "the married": []}
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(every.rows)
        known, others = every.take(order[:3000]), order[3000:]
        maps = calibration.fit(known.probabilities, known.truth_codes, draw).calibrator
        for name, chosen in (("all", others), ("the married", others[married[others]])):
            now = every.take(chosen[:2000])
            how = Resampling(100, 0.95, draw)
            found = expected.estimate(now.answers, now.probabilities, now.classes, maps, how)
            scorer = make_scorer(now)
            truth = dict(zip(scorer.names, scorer(), strict=True))
            metrics = METRICS["classification"]
            held[name].append([found[m].low <= truth[m] <= found[m].high for m in metrics])
    for name, inside in held.items():
        shares = zip(METRICS["classification"], np.mean(inside, axis=0), strict=True)
        text = ", ".join(f"{metric} {100 * share:.0f} %" for metric, share in shares)
        print(f"In {DRAWS} draws of {name} the 95 % interval held the truth: {text}")


if __name__ == "__main__":
    stages = {"score": score, "compare": compare, "coverage": coverage}
    stages[sys.argv[1]](Path(sys.argv[2])) if len(sys.argv) > 1 else main()
