"""What it costs to judge a table: validate_table beside others, by the same rules.

Fifteen columns: types, ranges, known words, patterns, missing values, one column not above another,
a mean, the number of rows (work/validating.py). The yardstick is all that the step does, with KFP's
executor imported: it profiles the table, names the broken rows, sets them aside, and writes what
goes on, a verdict and a page;
`verdict` stops before it writes. pandera and Great Expectations are made to name the broken rows
and write nothing. TFDV alone is given what a schema can say: no patterns, no rule of two columns,
no mean; it names columns. How many rows each finds broken is in the JSON.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench import peers
from tests.bench.frame import Case, Comparison, Group, Size
from tests.bench.groups import statistics
from tests.bench.processes import Found, module

WAYS = (
    ("validate_table", "ours", "validation", "", "validate_table(table, schema, expectations)"),
    ("verdict", "verdict", "validation", "", "the same, nothing written"),
    ("pandera", "pandera", "pandera", "pandera",
     "DataFrameSchema(...).validate(pandas.read_parquet(f), lazy=True)"),
    ("great-expectations", "great_expectations", "great_expectations", "great-expectations",
     "batch.validate(suite, result_format='COMPLETE') on pandas.read_parquet(f)"),
    ("tfdv", "tfdv", "tfdv", "tensorflow-data-validation",
     "tfdv.validate_statistics(tfdv.generate_statistics_from_dataframe(...), schema)"),
)  # fmt: skip


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return the comparison."""
    rows = size.rows(1_000_000)
    title, file = f"validation of {rows:,} rows x 15 columns of Parquet", f"{rows}.parquet"
    return [Comparison("1m", title, partial(cases, file), prepare=partial(statistics.make, file))]


def cases(file: str, folder: Path) -> list[Case]:
    """Return a case for each way."""
    return [
        Case(name, call, partial(run, environment, way, folder / file), environment, distribution)
        for name, way, environment, distribution, call in WAYS
    ]


def run(environment: str, way: str, file: Path) -> Found:
    """Judge the table once."""
    python = peers.python(environment)
    return module(python, "tests.bench.work.validating", way, file, file.with_name(way))


GROUP = Group("validation", __doc__, comparisons)
