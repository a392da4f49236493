"""What it costs to describe a table: profile_table beside others' profiles and summaries.

A generated table of 11 columns of numbers and 4 of words, from Parquet, and for CSV what a user
does who has CSV: ours reads it into a table first, TFDV has a function. The yardstick is all that
the step does, with its page and with KFP's executor imported; TFDV writes its statistics without a
page; pandas and DuckDB only compute, and know less of a column than the others (no histograms, no
drift possible). `pandas` is what TFDV's environment holds, `pandas-3` the newest. Each is given the
file's path and reads it within its time.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench import peers
from tests.bench.frame import PEAK, Case, Comparison, Group, Size
from tests.bench.processes import Found, module

PROGRAM = "tests.bench.work.describe"
ARROW = "stats_impl.generate_statistics_in_memory(table_util.CanonicalizeRecordBatch(batch))"
# Name, way, environment, distribution, call.
WAYS = (
    ("profile_table", "step", "validation", "", "profile_table(table)"),
    ("statistics", "profile", "validation", "", "write_profile(profile_table(table)), no page"),
    ("pandas", "pandas", "tfdv", "pandas", "pandas.read_parquet(f).describe(include='all')"),
    ("pandas-3", "pandas", "bench", "pandas", "pandas.read_parquet(f).describe(include='all')"),
    ("duckdb", "duckdb", "validation", "duckdb", "SUMMARIZE FROM 'f'"),
    ("ydata", "ydata", "ydata", "ydata-profiling",
     "ProfileReport(pandas.read_parquet(f), minimal=True).to_file('page.html')"),
    ("tfdv-dataframe", "tfdv_dataframe", "tfdv", "tensorflow-data-validation",
     "tfdv.generate_statistics_from_dataframe(pandas.read_parquet(f))"),
    ("tfdv-all-cores", "tfdv_all_cores", "tfdv", "tensorflow-data-validation",
     "tfdv.generate_statistics_from_dataframe(pandas.read_parquet(f), n_jobs=-1)"),
    ("tfdv-arrow", "tfdv_arrow", "tfdv", "tensorflow-data-validation", ARROW),
    ("scan", "scan", "validation", "pyarrow", "a bare scan: dataset.to_batches()"),
)  # fmt: skip
# Importing TensorFlow takes longer than all the rest of QUICK's rows.
LONG = ("pandas", "tfdv-dataframe", "tfdv-all-cores")
GROWING = ("profile_table", "pandas-3", "duckdb", "tfdv-arrow", "scan")


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return the comparisons: a million rows by all, then growth by those that can follow."""
    some = tuple(way for way in WAYS if way[0] in GROWING)
    found = [comparison("1m", 1_000_000, WAYS, size), from_csv(size)]
    longer = () if size.quick else (("5m", 5_000_000), ("20m", 20_000_000))
    return [*found, *(comparison(name, rows, some, size) for name, rows in longer)]


def comparison(name: str, wanted: int, ways: Sequence[tuple], size: Size) -> Comparison:
    """Return the comparison of some ways on so many rows of Parquet."""
    rows = size.rows(wanted)
    title = f"statistics of {rows:,} rows x 15 columns of Parquet"
    file = f"{rows}.parquet"
    return Comparison(name, title, partial(cases, ways, file), prepare=partial(make, file))


def from_csv(size: Size) -> Comparison:
    """Return the comparison on CSV."""
    rows = size.rows(1_000_000)
    title, file = f"statistics of {rows:,} rows x 15 columns of CSV", f"{rows}.csv"
    note = "Ours are two steps, two processes, whose times are added; a table is left behind."
    return Comparison(
        "1m-csv", title, partial(csv_cases, file), prepare=partial(make, file), note=note
    )


def csv_cases(file: str, folder: Path) -> list[Case]:
    """Return ours and TFDV's."""
    call = "tfdv.generate_statistics_from_csv(f)"
    theirs = partial(run, "tfdv", "tfdv_csv", folder / file)
    return [
        Case("profile_table", "ingest_table(uri), profile_table(table)",
             partial(ingested, folder / file), "data"),
        Case("tfdv-csv", call, theirs, "tfdv", "tensorflow-data-validation", quick=False),
    ]  # fmt: skip


def ingested(csv: Path) -> Found:
    """Do the two steps from CSV to statistics, and measure them as one."""
    first = run("data", "ingest", csv).quantities
    second = run("validation", "step", csv.with_name("ingest-data") / "table").quantities
    both = {name: first[name] + second[name] for name in second}
    return Found(both | {PEAK: max(first[PEAK], second[PEAK])})


def cases(ways: Sequence[tuple], file: str, folder: Path) -> list[Case]:
    """Return a case for each way."""
    return [
        Case(name, call, partial(run, environment, way, folder / file), environment, distribution,
             quick=name not in LONG)
        for name, way, environment, distribution, call in ways
    ]  # fmt: skip


def run(environment: str, way: str, file: Path) -> Found:
    """Describe a table once."""
    python = peers.python(environment)
    return module(python, PROGRAM, way, file, file.with_name(f"{way}-{environment}"))


def make(file: str, folder: Path) -> None:
    """Make the table."""
    run("validation", "make", folder / file)


GROUP = Group("statistics", __doc__, comparisons)
