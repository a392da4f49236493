"""Ours against what the whole of TFDV 1.16.1 said of the same table (record_tfdv.py)."""

from pathlib import Path

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

from holdfast.validation import tfdv
from holdfast.validation.statistics import statistics
from tests.validation.tfdv_case import changed, original

REFERENCE = Path(__file__).with_name("tfdv_reference")
# Quantiles and histograms come with a later step; weights are not used.
NUMBERS = ("mean", "std_dev", "num_zeros", "min", "max")
PRESENCE = ("num_non_missing", "num_missing", "min_num_values", "max_num_values",
            "avg_num_values", "tot_num_values")  # fmt: skip


def recorded(name: str, message):
    return text_format.Parse((REFERENCE / f"{name}.pbtxt").read_text(), message)


def described(columns: dict[str, list]) -> DatasetFeatureStatistics:
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()})
    return statistics(table.schema, table.to_batches(max_chunksize=97))


@pytest.mark.parametrize("name", original())
def test_every_field_that_is_filled_equals_tfdvs(name):
    (ours,) = [f for f in described(original()).features if f.path.step[0] == name]
    theirs = next(
        f
        for f in recorded("statistics", DatasetFeatureStatistics()).features
        if f.path.step[0] == name
    )
    kind = theirs.WhichOneof("stats")
    mine, reference = getattr(ours, kind), getattr(theirs, kind)
    assert ours.type == theirs.type
    for field in PRESENCE:
        assert getattr(mine.common_stats, field) == getattr(reference.common_stats, field)
    if kind == "num_stats":
        for field in NUMBERS:
            assert getattr(mine, field) == pytest.approx(getattr(reference, field), rel=1e-9)
    else:
        assert mine.unique == reference.unique
        assert mine.avg_length == pytest.approx(reference.avg_length, rel=1e-6)
        assert list(mine.top_values) == list(reference.top_values)
        assert list(mine.rank_histogram.buckets) == list(reference.rank_histogram.buckets)


def test_the_schema_equals_tfdvs():
    assert tfdv.infer_schema(described(original())) == recorded("schema", Schema())


def test_the_anomalies_equal_tfdvs():
    ours = tfdv.validate_statistics(described(changed()), recorded("schema", Schema()))
    theirs = recorded("anomalies", Anomalies())
    assert set(theirs.anomaly_info) == {"accent", "city", "colour", "new", "whole"}
    assert dict(ours.anomaly_info) == dict(theirs.anomaly_info)
