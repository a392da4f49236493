"""TensorFlow Data Validation's schema inference and validation, without TensorFlow.

Both are C++ behind a self-contained extension module that speaks serialized protos. The Python
package around it imports TensorFlow and Apache Beam (13 s, 1.7 GB), which only its own statistics
need. Loaded by its path, the extension alone takes 5 ms; statistics.py computes the statistics with
Arrow. A parity test compares with what the whole of TFDV said of the same table.
"""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    DatasetFeatureStatistics,
    FeatureNameStatistics,
)

# TFDV's own default: string columns with more distinct values get no domain.
MAX_STRING_DOMAIN_SIZE = 100
# TFDV's time and memory grow with the square of the columns: 1,000 bad ones at once take 9 s and
# 1 GB. No column's schema and anomalies depend on another column.
COLUMNS_AT_ONCE = 20


@cache
def _extension() -> ModuleType:
    package = importlib.util.find_spec("tensorflow_data_validation")
    if package is None or package.origin is None:
        raise ImportError("tensorflow-data-validation is not installed in this environment")
    name = "tensorflow_data_validation_extension"
    file = Path(package.origin).parent / "pywrap" / f"{name}.so"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not an extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.validation


def infer_schema(statistics: DatasetFeatureStatistics) -> Schema:
    """Do what `tfdv.infer_schema` does: types, presence, shape and string domains."""
    inferred = Schema()
    features = _features(statistics)
    for some in _in_parts(list(features)):
        part = _some(statistics, features, some)
        serialized = _extension().InferSchema(
            part.SerializeToString(), MAX_STRING_DOMAIN_SIZE, True
        )
        inferred.MergeFrom(Schema.FromString(serialized))
    return inferred


def validate_statistics(
    statistics: DatasetFeatureStatistics,
    schema: Schema,
    environment: str = "",
    previous: DatasetFeatureStatistics | None = None,
    serving: DatasetFeatureStatistics | None = None,
) -> Anomalies:
    """Do what `tfdv.validate_statistics` does: compare a table's statistics with a schema.

    Args:
        statistics: Those of the table.
        schema: What is expected of it.
        environment: Features that the schema says are not in this environment may be missing.
        previous: Statistics of an earlier table, for the schema's drift comparators.
        serving: Statistics of serving requests, for the schema's skew comparators.
    """
    known = {feature.name: feature for feature in schema.feature}
    domains = {domain.name: domain for domain in schema.string_domain}
    rest = Schema()
    rest.CopyFrom(schema)
    del rest.feature[:], rest.string_domain[:]
    sources = [(each, _features(each)) for each in (statistics, previous, serving)]
    found = Anomalies()
    for some in _in_parts(list(dict.fromkeys([*known, *sources[0][1]]))):
        part = Schema()
        part.CopyFrom(rest)
        part.feature.extend(known[name] for name in some if name in known)
        needed = dict.fromkeys(feature.domain for feature in part.feature)
        part.string_domain.extend(domains[name] for name in needed if name in domains)
        told = _validate(
            part, environment, *(_some(each, of, some) if each else None for each, of in sources)
        )
        # What is said of the whole table is said each time.
        del found.dataset_anomaly_info.reason[:]
        found.MergeFrom(told)
    return found


def _in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield so many names at a time, and once none where there are none."""
    for first in range(0, max(1, len(names)), COLUMNS_AT_ONCE):
        yield names[first : first + COLUMNS_AT_ONCE]


def _features(statistics: DatasetFeatureStatistics | None) -> Mapping[str, FeatureNameStatistics]:
    return {f.path.step[0]: f for f in statistics.features} if statistics else {}


def _some(
    statistics: DatasetFeatureStatistics,
    features: Mapping[str, FeatureNameStatistics],
    names: Sequence[str],
) -> DatasetFeatureStatistics:
    part = DatasetFeatureStatistics(num_examples=statistics.num_examples)
    part.features.extend(features[name] for name in names if name in features)
    return part


def _validate(
    schema: Schema,
    environment: str,
    statistics: DatasetFeatureStatistics | None,
    previous: DatasetFeatureStatistics | None,
    serving: DatasetFeatureStatistics | None,
) -> Anomalies:
    earlier_version = features_needed = config = b""
    serialized = _extension().ValidateFeatureStatistics(
        statistics.SerializeToString() if statistics else b"",
        schema.SerializeToString(),
        environment.encode(),
        previous.SerializeToString() if previous else b"",
        serving.SerializeToString() if serving else b"",
        earlier_version,
        features_needed,
        config,
        False,
    )
    return Anomalies.FromString(serialized)
