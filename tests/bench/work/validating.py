"""Judge a table by the same rules in one of many ways: python -m tests.bench.work.validating WAY ..

WAY FILE FOLDER. The table is describe.py's. The rules: types; whole numbers and one real column
within ranges; words of known sets and of a pattern; how much may be missing; one column not above
another; a mean; the number of rows. About 0.3 % of the values leave their range and 0.5 % of the
rows break the rule of two columns. Prints the seconds of the work, without imports, and how many
values each says are broken.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.work import import_executor

Work = Callable[[], dict[str, int]]

REAL = [f"real_{n}" for n in range(8)]
WHOLE = [f"whole_{n}" for n in range(3)]
# Whole numbers start at 0; a 20th of the values of the first columns may be missing, and is.
RANGES = {"whole_0": (0, 9), "whole_1": (0, 99), "whole_2": (0, 999), "real_1": (-5, 7)}
SETS = {"word_0": [f"a{n}" for n in range(5)], "word_1": [f"b{n}" for n in range(50)]}
PATTERNS = {"word_2": "c[0-9]+", "word_3": "d[0-9]+"}
HOLES = ("real_0", "real_3", "real_6")
PRESENT = 0.9
PAIR = ("whole_2", "whole_0")
MEAN = ("real_4", 3.0, 5.0)


def schema() -> str:
    """Return what TFDV's schema can say of the rules, as text proto."""
    parts = []
    for name in (*REAL, *WHOLE, *SETS, *PATTERNS):
        kind = "FLOAT" if name in REAL else "BYTES" if name in (*SETS, *PATTERNS) else "INT"
        rules = f"min_fraction: {PRESENT if name in HOLES else 1.0} min_count: 1"
        extra = f' domain: "{name}"' if name in SETS else ""
        if name in RANGES:
            low, high = RANGES[name]
            extra = f" {kind.lower()}_domain {{ min: {low} max: {high} }}"
        parts.append(
            f'feature {{ name: "{name}" type: {kind} value_count {{ min: 1 max: 1 }} '
            f"presence {{ {rules} }}{extra} }}"
        )
    for name, values in SETS.items():
        listed = " ".join(f'value: "{value}"' for value in values)
        parts.append(f'string_domain {{ name: "{name}" {listed} }}')
    return "\n".join(parts)


def expectations() -> str:
    """Return what our expectations say of the rules."""
    policies = {f"float_type_{end}_float": "quarantine" for end in ("small", "big")}
    name, low, high = MEAN
    rules = [
        *({"rule": "matches", "column": c, "pattern": p} for c, p in PATTERNS.items()),
        {"rule": "condition", "sql": f"{PAIR[0]} >= {PAIR[1]}", "policy": "quarantine"},
        {"rule": "mean", "column": name, "min": low, "max": high},
        {"rule": "row_count", "min": 1},
    ]
    return json.dumps({"policies": policies, "rules": rules})


def ours(file: Path, folder: Path, *, whole: bool = True) -> Work:
    """Do what the component validate_table does; else only what leads to its verdict."""
    from holdfast.table import open_table
    from holdfast.validation.validate_table import logic

    import_executor()
    (folder / "schema.pbtxt").write_text(schema())

    def work() -> dict[str, int]:
        request = logic.Request(expectations=expectations())
        place = str(folder / "schema.pbtxt")
        found = logic.validate(open_table(file), place, logic.Others(), request)
        if whole:
            found.write_rows(folder / "accepted", folder / "quarantine")
            found.verdict.write(folder / "verdict.json")
            found.report.write(folder / "page.html", folder / "page.md")
        return {"broken rows": len(found.aside.rows)}

    return work


def verdict(file: Path, folder: Path) -> Work:
    """Judge as validate_table does, and write nothing."""
    return ours(file, folder, whole=False)


def pandera(file: Path, folder: Path) -> Work:
    """Use pandera on a data frame, lazily: all that is broken is told."""
    import pandas as pd
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    present = pa.Check(lambda s: s.notna().mean() >= PRESENT, ignore_na=False, name="present")
    mean = pa.Check(lambda s: MEAN[1] <= s.mean() <= MEAN[2], name="mean")
    checks = [
        *((name, pa.Check.in_range(*ends)) for name, ends in RANGES.items()),
        *((name, pa.Check.isin(values)) for name, values in SETS.items()),
        *((name, pa.Check.str_matches(f"^(?:{p})$")) for name, p in PATTERNS.items()),
        *((name, present) for name in HOLES),
        (MEAN[0], mean),
    ]

    def column(name: str) -> pa.Column:
        kind = float if name in REAL else int if name in WHOLE else "str"
        own = [check for of, check in checks if of == name]
        return pa.Column(kind, own, nullable=name in HOLES)

    def work() -> dict[str, int]:
        rules = pa.DataFrameSchema(
            {name: column(name) for name in (*REAL, *WHOLE, *SETS, *PATTERNS)},
            checks=[
                pa.Check(lambda t: t[PAIR[0]] >= t[PAIR[1]], name="pair"),
                pa.Check(lambda t: len(t) >= 1, name="rows"),
            ],
        )
        try:
            rules.validate(pd.read_parquet(file), lazy=True)
        except SchemaErrors as error:
            return {"broken rows": int(error.failure_cases["index"].nunique())}
        return {"broken rows": 0}

    return work


def great_expectations(file: Path, folder: Path) -> Work:
    """Use Great Expectations on a data frame, with the numbers of the rows that break a rule."""
    import great_expectations as gx
    import pandas as pd

    e = gx.expectations

    def rules() -> list[Any]:
        return [
            *(e.ExpectColumnProportionOfNonNullValuesToBeBetween(column=n, min_value=PRESENT)
              for n in HOLES),
            *(e.ExpectColumnValuesToNotBeNull(column=n)
              for n in (*REAL, *WHOLE, *SETS, *PATTERNS) if n not in HOLES),
            *(e.ExpectColumnValuesToBeOfType(column=n, type_="float64" if n in REAL else "int64")
              for n in (*REAL, *WHOLE)),
            *(e.ExpectColumnValuesToBeBetween(column=n, min_value=low, max_value=high)
              for n, (low, high) in RANGES.items()),
            *(e.ExpectColumnValuesToBeInSet(column=n, value_set=s) for n, s in SETS.items()),
            *(e.ExpectColumnValuesToMatchRegex(column=n, regex=f"^(?:{p})$")
              for n, p in PATTERNS.items()),
            e.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=PAIR[0], column_B=PAIR[1], or_equal=True),
            e.ExpectColumnMeanToBeBetween(column=MEAN[0], min_value=MEAN[1], max_value=MEAN[2]),
            e.ExpectTableRowCountToBeBetween(min_value=1),
        ]  # fmt: skip

    def work() -> dict[str, int]:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(
            globally=False
        )
        asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
            {"dataframe": pd.read_parquet(file)}
        )
        suite = gx.ExpectationSuite(name="rules", expectations=rules())
        answer = batch.validate(suite, result_format="COMPLETE")
        broken: set[int] = set()
        for each in answer.results:
            if not each.success:
                broken.update(each.result.get("unexpected_index_list") or ())
        return {"broken rows": len(broken)}

    return work


def tfdv(file: Path, folder: Path) -> Work:
    """Use the whole of TFDV for what a schema can say; it names columns, no rows."""
    import pandas as pd
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0.schema_pb2 import Schema

    def work() -> dict[str, int]:
        found = tfdv.generate_statistics_from_dataframe(pd.read_parquet(file))
        told = tfdv.validate_statistics(found, text_format.Parse(schema(), Schema()))
        return {"broken columns": len(told.anomaly_info)}

    return work


EVERY: tuple[Any, ...] = (ours, verdict, pandera, great_expectations, tfdv)
WAYS = {each.__name__: each for each in EVERY}


def main(way: str, file: str, folder: str) -> None:
    """Do the work, and print how long it took and what it found."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    work = WAYS[way](Path(file), Path(folder))
    start = time.perf_counter()
    found = work()
    print(json.dumps({"work s": time.perf_counter() - start, "found": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
