"""TensorFlow Data Validation's schema inference and validation, without TensorFlow.

Both are C++ behind a self-contained extension module that speaks serialized protos. The Python
package around it imports TensorFlow and Apache Beam (13 s, 1.7 GB), which only its own statistics
need. Loaded by its path, the extension alone takes 5 ms; statistics.py computes the statistics with
Arrow. A parity test compares with what the whole of TFDV said of the same table.
"""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatistics

# TFDV's own default: string columns with more distinct values get no domain.
MAX_STRING_DOMAIN_SIZE = 100


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
    serialized = _extension().InferSchema(
        statistics.SerializeToString(), MAX_STRING_DOMAIN_SIZE, True
    )
    return Schema.FromString(serialized)


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
    earlier_version = features_needed = config = b""
    serialized = _extension().ValidateFeatureStatistics(
        statistics.SerializeToString(),
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
