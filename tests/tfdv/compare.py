"""Compare ours with what tests.tfdv.theirs wrote: python -m tests.tfdv.compare FOLDER.

Prints a JSON document: for each table and each question how many things were compared, and those
that differ.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    DatasetFeatureStatistics,
    FeatureNameStatistics,
    Histogram,
    StringStatistics,
)

from holdfast.profiles.profile import profile_table
from holdfast.table import open_table
from holdfast.validation import tfdv
from holdfast.validation.statistics import table_statistics

# Of large tables both work with samples or sketches: TFDV's are within 1 % of rank, as are ours.
RANK = 0.01
# TFDV counts so many distinct strings one by one; with more, a count may be too high. Beyond the
# second number it estimates how many there are. Ours are exact here.
COUNTED = 1000
ESTIMATED, ESTIMATE = 16_384, 0.02
# Field, value of ours, value of theirs, and how far apart they may be.
Pairs = Iterator[tuple[str, object, object, float]]
MOMENTS = ("mean", "num_zeros", "min", "max")
PRESENCE = ("num_non_missing", "num_missing", "min_num_values", "max_num_values",
            "avg_num_values", "tot_num_values")  # fmt: skip


def main(folder: Path) -> None:
    """Print what differs, table by table."""
    json.dump({each.name: differences(each) for each in sorted(folder.iterdir())}, sys.stdout)


def differences(folder: Path) -> dict[str, dict]:
    """Return what differs in one table, question by question."""
    ours = statistics(folder / "table.parquet")
    theirs = read(folder / "statistics", DatasetFeatureStatistics)
    schema, limited = read(folder / "schema", Schema), read(folder / "limited", Schema)
    serving = statistics(folder / "changed.parquet")
    changed = tfdv.validate_statistics(serving, schema)
    drifted = statistics(folder / "drifted.parquet")
    drift = tfdv.validate_statistics(drifted, limited, previous=ours, serving=serving)
    rows = open_table(folder / "table.parquet").read()
    pairs = {
        "exact fields": exact(ours, theirs),
        "ranks": ranks(ours, theirs, rows),
        "schema": parts(tfdv.infer_schema(ours), schema),
        "anomalies": reasons(changed, read(folder / "anomalies", Anomalies)),
        "drift and skew": measures(drift, read(folder / "drift", Anomalies), ours),
    }
    return {question: judged(list(found)) for question, found in pairs.items()}


def statistics(file: Path) -> DatasetFeatureStatistics:
    """Return our statistics of a table."""
    return table_statistics(profile_table(open_table(file)))


def read(file: Path, kind):
    """Read a proto."""
    return kind.FromString(file.read_bytes())


def judged(pairs: list) -> dict:
    """Return how many pairs there are, and those that are too far apart."""
    apart = [[field, str(a), str(b)] for field, a, b, allowed in pairs if not near(a, b, allowed)]
    return {"compared": len(pairs), "differ": apart}


def near(ours, theirs, allowed: float) -> bool:
    """Tell whether two values are the same, or numbers that are near enough."""
    if isinstance(ours, float) and isinstance(theirs, float):
        both = math.isnan(ours) and math.isnan(theirs)
        return both or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=allowed)
    return ours == theirs


def exact(ours: DatasetFeatureStatistics, theirs: DatasetFeatureStatistics) -> Pairs:
    """Yield the fields that no sketch is behind."""
    yield "rows", ours.num_examples, theirs.num_examples, 0
    for a, b, name in features(ours, theirs):
        kind = b.WhichOneof("stats")
        yield f"{name} type", a.type, b.type, 0
        mine, reference = getattr(a, kind), getattr(b, kind)
        for field in PRESENCE:
            values = (getattr(each.common_stats, field) for each in (mine, reference))
            yield (f"{name} {field}", *values, 0)
        if kind == "num_stats":
            for field in MOMENTS:
                yield f"{name} {field}", getattr(mine, field), getattr(reference, field), 0
            # Of infinite values TFDV says that the mean is NaN and the deviation 0; ours, NaN.
            if not math.isnan(reference.mean):
                yield f"{name} std_dev", mine.std_dev, reference.std_dev, 0
            continue
        yield from strings(name, mine, reference)


def strings(name: str, ours: StringStatistics, theirs: StringStatistics) -> Pairs:
    """Yield what is counted of a column of text."""
    allowed = ESTIMATE * theirs.unique if theirs.unique > ESTIMATED else 0
    yield f"{name} unique", float(ours.unique), float(theirs.unique), allowed
    yield f"{name} avg_length", ours.avg_length, theirs.avg_length, 0
    if ours.unique <= COUNTED:
        yield f"{name} top", list(ours.top_values), list(theirs.top_values), 0
        yield f"{name} ranks", ours.rank_histogram, theirs.rank_histogram, 0
        return
    allowed = ours.common_stats.num_non_missing / COUNTED
    for a, b in zip(ours.top_values, theirs.top_values, strict=True):
        yield f"{name} frequency", float(a.frequency), float(b.frequency), allowed


def features(ours: DatasetFeatureStatistics, theirs: DatasetFeatureStatistics) -> Iterator:
    """Yield each feature of both."""
    mine = {feature.path.step[0]: feature for feature in ours.features}
    reference = {feature.path.step[0]: feature for feature in theirs.features}
    assert list(mine) == list(reference)
    for name, feature in reference.items():
        yield mine[name], feature, name


def ranks(
    ours: DatasetFeatureStatistics, theirs: DatasetFeatureStatistics, rows: pa.Table
) -> Pairs:
    """Yield medians and histograms, as shares of the values."""
    for a, b, name in features(ours, theirs):
        if b.WhichOneof("stats") == "num_stats" and b.num_stats.common_stats.num_non_missing:
            values = sorted_values(rows[name])
            for field, mine, reference in bounds(a, b):
                distance = rank_distance(values, mine, reference)
                yield f"{name} {field} {mine} {reference}", distance, 0.0, RANK
            # Beside infinite values, our finite ones have the range of the sample.
            if math.isfinite(b.num_stats.max):
                yield from widths(name, a, b)


def widths(name: str, ours: FeatureNameStatistics, theirs: FeatureNameStatistics) -> Pairs:
    """Yield the buckets of equal width: their bounds, and the share of values up to each."""
    mine, reference = (buckets(each, Histogram.STANDARD) for each in (ours, theirs))
    yield f"{name} buckets", len(mine), len(reference), 0
    total = ours.num_stats.common_stats.num_non_missing
    up_to, up_to_theirs = 0.0, 0.0
    for a, b in zip(mine, reference, strict=False):
        yield f"{name} from", a.low_value, b.low_value, 0
        yield f"{name} to", a.high_value, b.high_value, 0
        up_to, up_to_theirs = up_to + a.sample_count, up_to_theirs + b.sample_count
        yield f"{name} up to {b.high_value}", up_to / total, up_to_theirs / total, RANK


def bounds(ours: FeatureNameStatistics, theirs: FeatureNameStatistics) -> Iterator:
    """Yield the median and the bounds of the buckets of equal size."""
    yield "median", ours.num_stats.median, theirs.num_stats.median
    mine, reference = (buckets(each, Histogram.QUANTILES) for each in (ours, theirs))
    for a, b in zip(mine, reference, strict=True):
        yield "quantile", a.high_value, b.high_value


def buckets(feature: FeatureNameStatistics, kind: int) -> list:
    """Return the buckets of a histogram."""
    (found,) = [each for each in feature.num_stats.histograms if each.type == kind]
    return list(found.buckets)


def sorted_values(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values of a column in order, without what is missing."""
    numbers = pc.cast(column.drop_null(), pa.float64(), safe=False).to_numpy()
    return np.sort(numbers[~np.isnan(numbers)])


def rank_distance(values: np.ndarray, one: float, other: float) -> float:
    """Return the share of values that lie between two numbers."""
    low, high = sorted((one, other))
    between = np.searchsorted(values, high, side="left") - np.searchsorted(values, low, "right")
    return float(max(0, between)) / len(values)


def parts(ours: Schema, theirs: Schema) -> Pairs:
    """Yield the features and the domains of text."""
    for field in ("feature", "string_domain"):
        mine, reference = ({e.name: e for e in getattr(each, field)} for each in (ours, theirs))
        for name in sorted({*mine, *reference}):
            yield f"{field} {name}", mine.get(name), reference.get(name), 0
    yield "all", ours, theirs, 0


def reasons(ours: Anomalies, theirs: Anomalies) -> Pairs:
    """Yield what is said of each column."""
    mine, reference = dict(ours.anomaly_info), dict(theirs.anomaly_info)
    for name in sorted({*mine, *reference}):
        yield name, mine.get(name), reference.get(name), 0


def measures(ours: Anomalies, theirs: Anomalies, before: DatasetFeatureStatistics) -> Pairs:
    """Yield how far each column is from earlier and serving rows, and whether too far."""
    mine, reference = drifts(ours), drifts(theirs)
    many = {f.path.step[0] for f in before.features if f.string_stats.unique > COUNTED}
    for name in sorted({*mine, *reference}):
        for a, b in zip(mine[name], reference[name], strict=True):
            yield f"{name} measure", a.type, b.type, 0
            allowed = RANK if a.type == a.JENSEN_SHANNON_DIVERGENCE else 2 / COUNTED
            few = a.type == a.L_INFTY and name not in many
            yield f"{name} {a.type}", a.value, b.value, 0 if few else allowed
        yield f"{name} too far", name in ours.anomaly_info, name in theirs.anomaly_info, 0


def drifts(anomalies: Anomalies) -> dict:
    """Return the measures by column."""
    return {
        info.path.step[0]: [*info.drift_measurements, *info.skew_measurements]
        for info in anomalies.drift_skew_info
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
