"""Ours against what the whole of TFDV 1.16.1 said of the same table (record_tfdv.py).

tests/runs/test_tfdv_live.py asks TFDV itself, of more tables, where its environment can be made.
"""

from pathlib import Path

import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics, Histogram

from holdfast.validation import tfdv
from holdfast.validation.statistics import table_statistics
from tests.validation.profiles import profiled
from tests.validation.tfdv_case import ROWS, changed, original

REFERENCE = Path(__file__).with_name("tfdv_reference")
NUMBERS = ("mean", "std_dev", "num_zeros", "min", "max", "median")


def recorded(name: str, message):
    return text_format.Parse((REFERENCE / f"{name}.pbtxt").read_text(), message)


def described(columns: dict[str, list]) -> DatasetFeatureStatistics:
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()})
    return table_statistics(profiled(table, 97))


def both(name: str):
    """Return a column's statistics, ours and TFDV's."""
    theirs = recorded("statistics", DatasetFeatureStatistics())
    pair = [
        next(feature for feature in each.features if feature.path.step[0] == name)
        for each in (described(original()), theirs)
    ]
    assert pair[0].type == pair[1].type
    return [getattr(feature, pair[1].WhichOneof("stats")) for feature in pair]


def histogram(numbers, kind):
    (found,) = [each for each in numbers.histograms if each.type == kind]
    return [(b.low_value, b.high_value) for b in found.buckets], [
        b.sample_count for b in found.buckets
    ]


@pytest.mark.parametrize("name", original())
def test_the_presence_equals_tfdvs(name):
    ours, theirs = both(name)
    assert ours.common_stats == theirs.common_stats


@pytest.mark.parametrize("name", ["whole", "real", "flag"])
def test_numbers_equal_tfdvs(name):
    ours, theirs = both(name)
    for field in NUMBERS:
        assert getattr(ours, field) == pytest.approx(getattr(theirs, field), rel=1e-9)


@pytest.mark.parametrize("name", ["colour", "city", "name", "accent"])
def test_text_equals_tfdvs(name):
    ours, theirs = both(name)
    assert ours == theirs


@pytest.mark.parametrize("name", ["whole", "real", "flag"])
def test_buckets_of_equal_number_equal_tfdvs(name):
    ours, theirs = (histogram(each, Histogram.QUANTILES) for each in both(name))
    assert ours[0] == theirs[0]
    assert ours[1] == pytest.approx(theirs[1])


@pytest.mark.parametrize("name", ["whole", "real", "flag"])
def test_buckets_of_equal_width_are_within_one_percent_of_tfdvs(name):
    """TFDV makes them of a thousand quantiles, and takes values to be spread between these."""
    ours, theirs = (histogram(each, Histogram.STANDARD) for each in both(name))
    for one, other in zip(ours[0], theirs[0], strict=True):
        assert one == pytest.approx(other)
    assert ours[1] == pytest.approx(theirs[1], abs=0.01 * ROWS)


def test_the_schema_equals_tfdvs():
    assert tfdv.infer_schema(described(original())) == recorded("schema", Schema())


def test_the_anomalies_equal_tfdvs():
    ours = tfdv.validate_statistics(described(changed()), recorded("schema", Schema()))
    theirs = recorded("anomalies", Anomalies())
    assert set(theirs.anomaly_info) == {"accent", "city", "colour", "new", "whole"}
    assert dict(ours.anomaly_info) == dict(theirs.anomaly_info)
