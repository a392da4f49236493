"""What the whole of TFDV says of some tables: python -m tests.tfdv.theirs FOLDER [REAL_TABLE ...].

For each table a folder with the table, a changed and a drifted one as Parquet, and what TFDV says
of them. One process for all: importing TFDV takes long.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow_data_validation as tfdv

# At least this much drift is reported: of a tenth of the values.
THRESHOLD = 0.1


def main(folder: Path, real: list[str]) -> None:
    """Write each table with TFDV's statistics, schema and anomalies."""
    tables = {Path(file).stem: read(Path(file)) for file in real}
    for name, table in {**tables, "odd": odd(2000), "long": odd(100_000)}.items():
        (folder / name).mkdir(parents=True)
        record(folder / name, table)


def read(file: Path) -> pd.DataFrame:
    """Read a real table, text as text."""
    table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    categories = table.select_dtypes("category").columns
    return table.astype(dict.fromkeys(categories, object))


def odd(rows: int) -> pd.DataFrame:
    """Make a table with what is seldom: ties, missing values, NaN, negatives, many strings."""
    random = np.random.default_rng(rows)
    numbers = np.arange(rows)
    holes = random.random(rows) < 0.3
    return pd.DataFrame(
        {
            "flag": random.random(rows) < 0.2,
            "whole": random.integers(-50, 50, rows),
            "large": random.integers(-(2**60), 2**60, rows),
            "real": random.normal(-1, 1e3, rows),
            "skewed": random.lognormal(0, 3, rows),
            "tied": np.round(random.normal(0, 1, rows)),
            "half": np.where(holes, np.nan, random.normal(0, 1, rows)),
            "single": random.normal(0, 1, rows).astype(np.float32),
            "infinite": np.where(numbers % 50, random.normal(0, 1, rows), np.inf),
            "constant": np.full(rows, 7),
            "nothing": np.full(rows, np.nan),
            "ties": [f"tie {n % 40}" for n in numbers],
            "holes": np.where(holes, None, np.array(["é", "ü", ""], object)[numbers % 3]),
            "zipf": [f"word {n}" for n in np.minimum(random.zipf(1.5, rows), 5000)],
            "name": [f"person {n}" for n in numbers],
        }
    )


def changed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a new string, text for numbers, holes, a column more and one less."""
    other = table.copy()
    text = [name for name in other if other[name].dtype == object]
    numbers = [name for name in other if name not in text]
    other.loc[5, text[0]] = "unheard of"
    other[numbers[0]] = other[numbers[0]].astype(str)
    other[numbers[1]] = other[numbers[1]].astype(float)
    other.loc[:3, numbers[1]] = np.nan
    other["new"] = np.arange(len(other))
    return other.drop(columns=text[1:2] or numbers[2])


def drifted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the smaller half of what the third column holds."""
    return table.sort_values(table.columns[2], kind="stable").iloc[: len(table) // 2]


def with_comparators(schema, statistics):
    """Return the schema with limits to drift and skew of each column that has values."""
    for feature in statistics.datasets[0].features:
        name = feature.path.step[0]
        kind = feature.WhichOneof("stats")
        if not getattr(feature, kind).common_stats.num_non_missing:
            continue
        column = tfdv.get_feature(schema, name)
        for limits in (column.drift_comparator, column.skew_comparator):
            if kind == "string_stats":
                limits.infinity_norm.threshold = THRESHOLD
            else:
                limits.jensen_shannon_divergence.threshold = THRESHOLD
    return schema


def record(folder: Path, table: pd.DataFrame) -> None:
    """Write the tables and what TFDV says."""
    statistics = {}
    for name, rows in (("table", table), ("changed", changed(table)), ("drifted", drifted(table))):
        rows.to_parquet(folder / f"{name}.parquet", index=False)
        statistics[name] = tfdv.generate_statistics_from_dataframe(rows)
    schema = tfdv.infer_schema(statistics["table"])
    anomalies = tfdv.validate_statistics(statistics["changed"], schema)
    write(folder / "statistics", statistics["table"].datasets[0])
    write(folder / "schema", schema)
    write(folder / "anomalies", anomalies)
    limited = with_comparators(schema, statistics["table"])
    drift = tfdv.validate_statistics(
        statistics["drifted"],
        limited,
        previous_statistics=statistics["table"],
        serving_statistics=statistics["changed"],
    )
    write(folder / "limited", limited)
    write(folder / "drift", drift)


def write(file: Path, message) -> None:
    """Write a proto."""
    file.write_bytes(message.SerializeToString())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
