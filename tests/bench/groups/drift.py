"""What a drift check costs: detect_drift beside others' reports and bare tests.

A reference of 100,000 rows is compared with tables of 200,000 and a million, 11 columns of numbers
and 4 of words, from Parquet to an answer. Ours starts from the stored detector, as each check of a
running model does (`detect_drift`); so do NannyML and Alibi Detect in the rows that end in -stored.
In the others each starts from the raw reference (`from-raw` is ours: two components in one
process). One column has moved by 0.2 standard deviations; what each says has drifted is in the
JSON. Ours, with KFP's executor imported, draws a sample of 10,000 rows for its tests and reads all
rows for its effect sizes and its page; `all-rows` tests all, as the others do.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench import peers
from tests.bench.frame import Case, Comparison, Group, Size
from tests.bench.processes import Found, module

PROGRAM = "tests.bench.work.drifting"
REFERENCE_ROWS = 100_000
SHIFT = 0.2
# Name, way, environment, distribution, call.
STORED = (
    ("nannyml-stored", "nannyml", "nannyml", "nannyml",
     "FilesystemStore(d).load(f).calculate(current)"),
    ("alibi-stored", "alibi", "alibi", "alibi-detect", "load_detector(d).predict(current)"),
)  # fmt: skip
OTHERS = (
    ("nannyml", "nannyml", "nannyml", "nannyml",
     "UnivariateDriftCalculator(column_names=names).fit(reference).calculate(current)"),
    ("evidently", "evidently", "evidently", "evidently",
     "Report([DataDriftPreset()]).run(current, reference)"),
    ("scipy", "scipy", "bench", "scipy", "ks_2samp and chi2_contingency, column by column"),
    ("alibi", "alibi", "alibi", "alibi-detect",
     "TabularDrift(reference, categories_per_feature=...).predict(current)"),
)  # fmt: skip


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return a comparison for each length of the table."""
    wanted = (("200k", 200_000),) if size.quick else (("200k", 200_000), ("1m", 1_000_000))
    return [
        Comparison(
            name,
            f"drift of {size.rows(rows):,} rows x 15 columns against {size.rows(REFERENCE_ROWS):,}",
            cases, prepare=partial(make, size, rows),
        )
        for name, rows in wanted
    ]  # fmt: skip


def cases(folder: Path) -> list[Case]:
    """Return ours, and others."""
    raw, now = folder / "reference.parquet", folder / "current.parquet"
    own = (
        ("detect_drift", "ours", (folder / "detector", now, folder / "answer"),
         "detect_drift(current, detector)"),
        ("from-raw", "both", (raw, now, folder / "both"),
         "fit_drift_detector(reference), detect_drift(current, detector)"),
        ("all-rows", "ours", (folder / "detector-all", now, folder / "all", 0),
         "fit_drift_detector(reference, rows=0), once; detect_drift(current, detector, sample=0)"),
    )  # fmt: skip
    return [
        *(Case(name, call, partial(run, "drift", way, *arguments), "drift",
               quick=name != "all-rows")
          for name, way, arguments, call in own),
        *(Case(name, call, partial(run, environment, way, raw, now), environment, distribution)
          for name, way, environment, distribution, call in OTHERS),
        *(Case(name, call, partial(from_store, environment, way, raw, now), environment,
               distribution, quick=False)
          for name, way, environment, distribution, call in STORED),
    ]  # fmt: skip


def run(environment: str, way: str, *arguments: object) -> Found:
    """Do one thing in a process of its own."""
    return module(peers.python(environment), PROGRAM, way, *arguments)


def from_store(environment: str, way: str, raw: Path, now: Path) -> Found:
    """Do a thing with what was fitted to the reference and stored, once."""
    store = raw.with_name(f"{way}-stored")
    if not store.is_dir():
        run(environment, f"{way}_fit", raw, store)
    return run(environment, f"{way}_stored", store, now)


def make(size: Size, wanted: int, folder: Path) -> None:
    """Make both tables and fit our detectors."""
    reference = folder / "reference.parquet"
    run("drift", "make", reference, size.rows(REFERENCE_ROWS), 1, 0.0)
    run("drift", "make", folder / "current.parquet", size.rows(wanted), 2, SHIFT)
    run("drift", "fit", reference, folder / "detector")
    run("drift", "fit", reference, folder / "detector-all", 0)


GROUP = Group("drift", __doc__, comparisons)
