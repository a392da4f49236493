"""Describe a table in one of many ways: python -m tests.bench.work.describe WAY FILE FOLDER.

Prints the seconds of the work, without imports, as JSON. Each way has imports of its own: it runs
in the environment that holds them.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.work import import_executor

Work = Callable[[], object]


def make(file: Path, folder: Path) -> Work:
    """Write the table that is described: 11 columns of numbers and 4 of words, as the name says."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    random = np.random.default_rng(7)
    words = [np.array([f"{c}{n}" for n in range(k)]) for c, k in zip("abcd", SIZES, strict=True)]

    def rows(number: int) -> pa.Table:
        columns = {}
        for n in range(8):
            missing = random.random(number) < 0.05 if n % 3 == 0 else None
            columns[f"real_{n}"] = pa.array(random.normal(n, 1 + n, number), mask=missing)
        for n in range(3):
            columns[f"whole_{n}"] = pa.array(random.integers(0, 10 ** (n + 1), number))
        for n, known in enumerate(words):
            columns[f"word_{n}"] = known[np.minimum(random.zipf(1.5, number), len(known)) - 1]
        return pa.table(columns)

    def work() -> None:
        wanted = int(file.stem)
        schema = rows(1).schema
        csv = file.suffix == ".csv"
        with (pa_csv.CSVWriter if csv else pq.ParquetWriter)(file, schema) as writer:
            for start in range(0, wanted, CHUNK):
                part = rows(min(CHUNK, wanted - start))
                writer.write_table(part, CHUNK if csv else CHUNK // 10)

    return work


SIZES = (5, 50, 1000, 20_000)
CHUNK = 1_000_000


def profile(file: Path, folder: Path) -> Work:
    """Profile, and write the statistics."""
    from holdfast.profiles.profile import profile_table
    from holdfast.table import open_table
    from holdfast.validation.statistics import write_profile

    return lambda: write_profile(profile_table(open_table(file)), folder / "profile")


def step(file: Path, folder: Path) -> Work:
    """Do all that the component profile_table does."""
    from holdfast.table import open_table
    from holdfast.validation.profile_table import logic

    import_executor()

    def work() -> None:
        found = logic.profile_shard(open_table(file), 0, 1)
        found.write(folder / "profile")
        logic.report(found).write(folder / "page.html", folder / "page.md")

    return work


def ingest(file: Path, folder: Path) -> Work:
    """Read a CSV file into a table, as the component ingest_table does."""
    from holdfast.data.ingest_table.logic import write
    from holdfast.data.ingest_table.opening import open_rows
    from holdfast.data.ingest_table.rows import Reading

    import_executor()

    def work() -> None:
        with open_rows(str(file), "", Reading(), "") as rows:
            write(rows, folder / "table")

    return work


def scan(file: Path, folder: Path) -> Work:
    """Read all values and do nothing with them."""
    from holdfast.table import open_table

    return lambda: sum(batch.num_rows for batch in open_table(file).batches())


def duckdb(file: Path, folder: Path) -> Work:
    """Use DuckDB."""
    import duckdb

    return lambda: duckdb.sql(f"SUMMARIZE FROM '{file}'").fetchall()


def pandas(file: Path, folder: Path) -> Work:
    """Use pandas."""
    import pandas as pd

    return lambda: pd.read_parquet(file).describe(include="all")


def tfdv_dataframe(file: Path, folder: Path, processes: int = 1) -> Work:
    """Use TFDV as its tutorial does."""
    import pandas as pd
    import tensorflow_data_validation as tfdv

    def work() -> None:
        frame = pd.read_parquet(file)
        found = tfdv.generate_statistics_from_dataframe(frame, n_jobs=processes)
        (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())

    return work


def tfdv_all_cores(file: Path, folder: Path) -> Work:
    """Use TFDV with a process for each core."""
    return tfdv_dataframe(file, folder, -1)


def tfdv_arrow(file: Path, folder: Path) -> Work:
    """Use what TFDV's function for data frames stands on."""
    import pyarrow.parquet as pq
    from tensorflow_data_validation.statistics import stats_impl
    from tfx_bsl.arrow import table_util

    def work() -> None:
        (rows,) = pq.read_table(file).combine_chunks().to_batches()
        rows = table_util.CanonicalizeRecordBatch(rows)
        found = stats_impl.generate_statistics_in_memory(rows)
        (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())

    return work


def ydata(file: Path, folder: Path) -> Work:
    """Use ydata-profiling's minimal report, and write its page."""
    import pandas as pd
    from ydata_profiling import ProfileReport

    def work() -> None:
        report = ProfileReport(pd.read_parquet(file), minimal=True, progress_bar=False)
        report.to_file(folder / "page.html", silent=True)

    return work


def tfdv_csv(file: Path, folder: Path) -> Work:
    """Use TFDV on a CSV file, with Beam in this process."""
    import tensorflow_data_validation as tfdv

    def work() -> None:
        found = tfdv.generate_statistics_from_csv(str(file))
        (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())

    return work


WAYS = {
    each.__name__: each
    for each in (
        make,
        profile,
        step,
        ingest,
        scan,
        duckdb,
        pandas,
        tfdv_dataframe,
        tfdv_all_cores,
        tfdv_arrow,
        tfdv_csv,
        ydata,
    )
}


def main(way: str, file: str, folder: str) -> None:
    """Do the work and print how long it took."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    work = WAYS[way](Path(file), Path(folder))
    start = time.perf_counter()
    work()
    print(json.dumps({"work s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
