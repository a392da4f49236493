"""Compare two tables in one of many ways: python -m tests.bench.work.drifting WAY ARGUMENTS.

Prints the seconds of the work, without imports where they can be told apart, and the columns that
are said to have drifted. Each way has imports of its own: it runs in the environment that holds
them.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.work import import_executor

Work = Callable[[], list[str]]
P_VALUE = 0.05
# Columns of words, by how many words they have.
WORDS = {"word_0": 3, "word_1": 5, "word_2": 10, "word_3": 50}
MOVED = "real_0"


def make(file: Path, rows: str, seed: str, shift: str) -> Work:
    """Write a table: 8 columns of real and 3 of whole numbers, 4 of words; one may be moved."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    number, random = int(rows), np.random.default_rng(int(seed))

    def work() -> list[str]:
        columns = {}
        for n in range(8):
            values = random.normal(n, 1 + n, number)
            columns[f"real_{n}"] = values if n % 3 else np.exp(values / (2 + 2 * n))
        for n in range(3):
            columns[f"whole_{n}"] = random.integers(0, 10 ** (n + 1), number)
        for name, known in WORDS.items():
            words = np.array([f"w{place}" for place in range(known)])
            columns[name] = words[np.minimum(random.zipf(1.5, number), known) - 1]
        columns[MOVED] = columns[MOVED] + float(shift) * columns[MOVED].std()
        pq.write_table(pa.table(columns), file, row_group_size=100_000)
        return []

    return work


def evidently(reference: Path, current: Path) -> Work:
    """Use Evidently's preset as its manual does."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    def work() -> list[str]:
        report = Report([DataDriftPreset()])
        found = report.run(pd.read_parquet(current), pd.read_parquet(reference)).dict()
        drifted = []
        for each in found["metrics"]:
            about = each["config"]
            if "column" not in about:
                continue
            # Of tests it gives the p-value, and of distances (from 1,000 rows on) the distance.
            above = each["value"] >= about["threshold"]
            if above != ("p_value" in about["method"]):
                drifted.append(about["column"])
        return drifted

    return work


def nannyml(reference: Path, current: Path) -> Work:
    """Use NannyML's univariate drift with its defaults: an alert in most of ten chunks counts."""
    import nannyml as nml
    import pandas as pd

    def work() -> list[str]:
        before = pd.read_parquet(reference)
        names = list(before.columns)
        calculator = nml.UnivariateDriftCalculator(column_names=names).fit(before)
        return _alerts(calculator, pd.read_parquet(current))

    return work


def nannyml_fit(reference: Path, folder: Path) -> Work:
    """Fit NannyML's calculator and store it."""
    import nannyml as nml
    import pandas as pd

    def work() -> list[str]:
        before = pd.read_parquet(reference)
        calculator = nml.UnivariateDriftCalculator(column_names=list(before.columns)).fit(before)
        nml.io.store.FilesystemStore(root_path=str(folder)).store(obj=calculator, filename="fitted")
        return []

    return work


def nannyml_stored(folder: Path, current: Path) -> Work:
    """Use a calculator of NannyML's that was fitted before."""
    import nannyml as nml
    import pandas as pd

    def work() -> list[str]:
        store = nml.io.store.FilesystemStore(root_path=str(folder))
        calculator = store.load(filename="fitted", as_type=nml.UnivariateDriftCalculator)
        return _alerts(calculator, pd.read_parquet(current))

    return work


def _alerts(calculator: Any, current: Any) -> list[str]:
    found = calculator.calculate(current).filter(period="analysis").to_df()
    alerts = found.xs("alert", axis=1, level=2)
    return [name for name in current if alerts[name].to_numpy().mean() > 0.5]


def scipy(reference: Path, current: Path) -> Work:
    """Use SciPy's tests on all rows, with Bonferroni's correction."""
    import pandas as pd
    from scipy.stats import chi2_contingency, ks_2samp

    def work() -> list[str]:
        before, now = pd.read_parquet(reference), pd.read_parquet(current)
        drifted = []
        for name in before:
            if name in WORDS:
                counts = pd.concat([before[name].value_counts(), now[name].value_counts()], axis=1)
                p_value = chi2_contingency(counts.fillna(0).to_numpy()).pvalue
            else:
                p_value = ks_2samp(before[name].to_numpy(), now[name].to_numpy()).pvalue
            drifted += [name] if p_value < P_VALUE / before.shape[1] else []
        return drifted

    return work


def alibi(reference: Path, current: Path) -> Work:
    """Use Alibi Detect's TabularDrift on all rows, words as numbers."""
    import pandas as pd
    from alibi_detect.cd import TabularDrift

    def work() -> list[str]:
        before = pd.read_parquet(reference)
        known = _words(before)
        detector = TabularDrift(_numbers(before, known), **_settings(before))
        return _moved(detector, pd.read_parquet(current), known)

    return work


def alibi_fit(reference: Path, folder: Path) -> Work:
    """Store Alibi Detect's detector, and the numbers of the words."""
    import pandas as pd
    from alibi_detect.cd import TabularDrift
    from alibi_detect.saving import save_detector

    def work() -> list[str]:
        before = pd.read_parquet(reference)
        known = _words(before)
        save_detector(TabularDrift(_numbers(before, known), **_settings(before)), folder)
        (folder / "words.json").write_text(json.dumps(known))
        return []

    return work


def alibi_stored(folder: Path, current: Path) -> Work:
    """Use a detector of Alibi Detect's that was stored before."""
    import pandas as pd
    from alibi_detect.saving import load_detector

    def work() -> list[str]:
        known = json.loads((folder / "words.json").read_text())
        return _moved(load_detector(folder), pd.read_parquet(current), known)

    return work


def _words(before: Any) -> dict[str, list[str]]:
    return {name: sorted(before[name].unique()) for name in WORDS}


def _numbers(table: Any, known: dict[str, list[str]]) -> Any:
    import numpy as np
    import pandas as pd

    codes = {name: pd.Index(words).get_indexer(table[name]) for name, words in known.items()}
    return table.assign(**codes).to_numpy(np.float64)


def _settings(before: Any) -> dict[str, Any]:
    categories = {list(before.columns).index(name): None for name in WORDS}
    return {"p_val": P_VALUE, "categories_per_feature": categories}


def _moved(detector: Any, now: Any, known: dict[str, list[str]]) -> list[str]:
    names = list(now.columns)
    p_values = detector.predict(_numbers(now, known))["data"]["p_val"]
    return [n for n, p in zip(names, p_values, strict=True) if p < P_VALUE / len(names)]


def fit(reference: Path, folder: Path, rows: str = "50000") -> Work:
    """Fit our detector: with the usual number of rows for the tests, or another."""
    from holdfast.drift.fit_drift_detector import logic
    from holdfast.table import open_table

    def work() -> list[str]:
        asked = logic.ask(((), (), ()), ("tabular", "", P_VALUE), int(rows), 0.95, 0)
        logic.fit(open_table(reference, "reference"), asked).write(folder)
        return []

    return work


def both(reference: Path, current: Path, folder: Path) -> Work:
    """Do what both of our components do: fit the detector to the reference, then detect."""
    detector = folder / "detector"
    fitted = fit(reference, detector)

    def work() -> list[str]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        fitted()
        return ours(detector, current, folder / "answer")()

    return work


def ours(detector: Path, current: Path, folder: Path, rows: str = "10000") -> Work:
    """Do all that the component detect_drift does, its pages and tables included."""
    from holdfast.drift.detect_drift import logic
    from holdfast.table import open_table

    import_executor()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def work() -> list[str]:
        options = logic.ask(int(rows), 0.0, {}, 0, 0.0)
        found = logic.detect(
            open_table(current, "current"), logic.read_detector(detector), options, None
        )
        found.write_columns(folder / "columns")
        found.write(folder / "verdict.json", folder / "page.html", folder / "page.md")
        return [each.judged.name for each in found.findings if each.moved]

    return work


EVERY: tuple[Any, ...] = (
    make, evidently, nannyml, nannyml_fit, nannyml_stored, scipy, alibi, alibi_fit, alibi_stored,
    fit, ours, both,
)  # fmt: skip
WAYS = {each.__name__: each for each in EVERY}


def main(way: str, *arguments: str) -> None:
    """Do the work, and print how long it took and what it found."""
    work = WAYS[way](*(Path(each) if "/" in each else each for each in arguments))
    start = time.perf_counter()
    drifted = work()
    print(json.dumps({"work s": time.perf_counter() - start, "drifted": drifted}))


if __name__ == "__main__":
    main(*sys.argv[1:])
