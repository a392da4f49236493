"""The model contract: an MLflow model directory with one fitted scikit-learn Pipeline.

Signature, input example and requirements travel with it. MLflow alone can load a model and serve
it; a transformer it can only load.
No pickle is read: the Pipeline is stored by skops, XGBoost trees in XGBoost's own format inside,
and only types of the list below are ever built from a file.
"""

import hashlib
import json
import logging
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from holdfast import ubjson
from holdfast.environment import lock_sha256
from holdfast.errors import InputError, lack
from holdfast.reading import UNREADABLE, read_yaml_file
from holdfast.table import Table, Task, is_number
from holdfast.writing import whole

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

CONTRACT = "model/1"
# How a model reads a column; none: not at all.
Kind = Literal["numbers", "text", "dates", "none"]
# What skops does not trust by itself and a model of ours may hold.
TRUSTED_TYPES = (
    "feature_engine.datetime.datetime.DatetimeFeatures",
    "feature_engine.encoding.count_frequency.CountFrequencyEncoder",
    "feature_engine.outliers.winsorizer.Winsorizer",
    "numpy.clip",
    "numpy.dtype",
    "numpy.interp",
    "numpy.ravel",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)
# What loads a model; the versions that it was made with are its requirements.
REQUIREMENTS = ("mlflow-skinny", "numpy", "pandas", "scikit-learn", "skops", "xgboost-cpu")
# What only some models need: the distribution by the package that their steps are of.
MORE_REQUIREMENTS = {"feature_engine": "feature-engine"}
EXAMPLE_ROWS = 3


@dataclass(frozen=True)
class ModelInfo:
    """What a model says about itself.

    `features` are the columns it reads, `numeric` those of them that are numbers and `temporal`
    those that are dates or times of a date; the others are text. `dropped` are the columns of the
    training table that it does not read, with the reason, and `remarks` what is suspicious about
    those that it reads. `classes` are the labels in the order of the probabilities and empty for
    regression; `trained_on` is the sha256 of the training table and `holdout_sha256` that of the
    locked holdout of its split, if there is one.
    """

    target: str
    task: Task
    features: tuple[str, ...]
    numeric: tuple[str, ...] = ()
    dropped: dict[str, str] = field(default_factory=dict)
    classes: tuple[Any, ...] = ()
    trained_on: str = ""
    holdout_sha256: str = ""
    temporal: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)

    def kind_of(self, feature: str) -> Kind:
        """Tell how the model reads one of its features."""
        if feature in self.numeric:
            return "numbers"
        return "dates" if feature in self.temporal else "text"

    def metadata(self) -> dict[str, Any]:
        """Return what the artifact and the MLmodel file say."""
        return {
            "holdfast_contract": CONTRACT,
            "target": self.target,
            "task": self.task,
            "features": list(self.features),
            "numeric": list(self.numeric),
            "dropped": dict(self.dropped),
            "classes": list(self.classes),
            "trained_on": self.trained_on,
            "holdout_sha256": self.holdout_sha256,
            "temporal": list(self.temporal),
            "remarks": dict(self.remarks),
        }


@dataclass(frozen=True)
class Model:
    """A fitted Pipeline and what it says about itself."""

    pipeline: "Pipeline"
    info: ModelInfo


def feature_frame(rows: pa.Table, features: Sequence[str]) -> "pd.DataFrame":
    """Return the frame that a model reads, the same in training and in serving.

    Numbers and booleans are float64, dates and times datetime64 (of a time zone: in UTC, without
    it), and everything else is text, so that a missing value never changes the type of a column.
    """
    import pandas as pd

    columns = {name: _feature(rows.column(name)) for name in features}
    return pd.DataFrame(columns, index=pd.RangeIndex(rows.num_rows))


def _feature(column: pa.ChunkedArray) -> Any:
    """Return an array: a Series for each column would be most of what one row costs."""
    import numpy as np
    import pandas as pd

    kind = kind_of(column.type)
    if kind == "numbers":
        return column.cast(pa.float64(), safe=False).to_numpy()
    if kind == "dates":
        # Microseconds: nanoseconds do not reach year 9999, by which tables say "never".
        return column.cast(pa.timestamp("us"), safe=False).to_numpy()
    text = column.cast(pa.string())
    return pd.arrays.ArrowStringArray(text, dtype=pd.StringDtype("pyarrow", na_value=np.nan))


def kind_of(kind: pa.DataType) -> Kind:
    """Tell how a model reads a column of this type."""
    if is_numeric(kind):
        return "numbers"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "dates"
    # A column without a single value has the type null.
    texts = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return "text" if any(is_text(plain) for is_text in texts) else "none"


def is_numeric(kind: pa.DataType) -> bool:
    """Tell whether a model reads a column of this type as numbers."""
    return is_number(kind) or bool(pa.types.is_boolean(kind))


def require_features(table: Table, model: Model, name: str) -> None:
    """Refuse a table that lacks a column which the model reads, or holds it as another type.

    Raises:
        InputError: The input `name` does not fit the model.
    """
    require_columns(table.schema, model, name, (*model.info.features, model.info.target))


def require_columns(schema: pa.Schema, model: Model, name: str, wanted: Sequence[str]) -> None:
    """Refuse columns without those that are wanted, or with a feature of another type.

    Raises:
        InputError: The input `name` does not fit the model.
    """
    lacking = [column for column in wanted if column not in schema.names]
    if lacking:
        raise InputError(
            f"`{name}` lacks {lacking[:10]}, which `model` reads. Found: "
            f"{schema.names[:30]}. Pass a table made by the same query as the training table."
        )
    for column in model.info.features:
        kind = schema.field(column).type
        expected = model.info.kind_of(column)
        if kind_of(kind) != expected:
            raise InputError(
                f"`{name}` must hold {column!r} as {expected}, as `model` learned it. Found: "
                f"{kind}. Pass a table made by the same query as the training table."
            )


def save_model(model: Model, path: str | Path, example: "pd.DataFrame") -> None:
    """Write a model as an MLflow model directory; the same model gives the same bytes.

    Args:
        model: What to save.
        path: The directory, which appears whole or not at all.
        example: A few rows of the frame that the model reads.
    """
    with whole(path) as unfinished:
        _save(model, unfinished, example)


def _save(model: Model, path: Path, example: "pd.DataFrame") -> None:
    import mlflow.sklearn
    from mlflow.models import Model as MlflowModel

    # MLflow warns of a pip that is not there, and of transformers, which its generic interface
    # can't call.
    for module in ("mlflow.utils.environment", "mlflow.sklearn"):
        logging.getLogger(module).setLevel(logging.ERROR)
    mlflow.sklearn.save_model(
        model.pipeline,
        path,
        serialization_format="skops",
        skops_trusted_types=list(TRUSTED_TYPES),
        signature=_signature(model.info),
        input_example=example.head(EXAMPLE_ROWS),
        pip_requirements=[f"{name}=={version(name)}" for name in _requirements(model)],
        metadata=model.info.metadata() | _making(model.pipeline),
        mlflow_model=MlflowModel(model_uuid="0" * 32, utc_time_created="1970-01-01 00:00:00"),
    )
    file = path / "model.skops"
    file.write_bytes(reproducible(file.read_bytes()))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    described = path / "MLmodel"
    text = described.read_text(encoding="utf-8").replace("0" * 32, digest[:32])
    described.write_text(text, encoding="utf-8")
    # MLflow writes a missing value as NaN, which is no JSON.
    for file in path.glob("*input_example.json"):
        document = json.loads(file.read_text(encoding="utf-8"), parse_constant=lambda _: None)
        file.write_text(json.dumps(document), encoding="utf-8")


def _requirements(model: Model) -> list[str]:
    steps = model.pipeline.get_params().values()
    packages = {type(step).__module__.partition(".")[0] for step in steps}
    more = {name for package, name in MORE_REQUIREMENTS.items() if package in packages}
    return sorted({*REQUIREMENTS, *more})


def load_model(path: str | Path, name: str = "model") -> Model:
    """Load a model that was written by save_model.

    Args:
        path: The MLflow model directory.
        name: The input's name, for error messages.

    Raises:
        InputError: It is not such a model, or it holds a type that is not trusted.
    """
    import skops.io
    from sklearn.pipeline import Pipeline
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        described = read_yaml_file(Path(path) / "MLmodel")
        info = _read_info(described["metadata"])
        _require_whole_trees(Path(path) / "model.skops")
        pipeline = skops.io.load(Path(path) / "model.skops", trusted=list(TRUSTED_TYPES))
        if not isinstance(pipeline, Pipeline):
            raise ValueError(f"a {type(pipeline).__name__}, not a Pipeline")
    except UntrustedTypesFoundException as error:
        raise InputError(
            f"`{name}` holds types that are not on the allow-list: {error}. Only models of "
            f"Holdfast's training components are loaded."
        ) from error
    except UNREADABLE as error:
        raise lack(error, memory=False) or InputError(
            f"`{name}` must be an MLflow model directory of contract {CONTRACT}. Found: "
            f"{type(error).__name__}: {error}. Pass the Model output of a training component."
        ) from error
    return Model(pipeline, info)


def _require_whole_trees(file: Path) -> None:
    """Refuse trees of XGBoost whose sizes lie, before XGBoost reads them: it would crash."""
    held: list[str] = []

    def note(node: dict[str, Any]) -> dict[str, Any]:
        # A Booster's state is bytes in a file of the name that the node says.
        if str(node.get("__loader__")).startswith("Byte"):
            held.append(node["file"])
        return node

    with zipfile.ZipFile(file) as stored:
        json.loads(stored.read("schema.json"), object_hook=note)
        for name in held:
            ubjson.require_whole(stored.read(name))


def _read_info(metadata: dict[str, Any]) -> ModelInfo:
    if metadata["holdfast_contract"] != CONTRACT:
        raise ValueError(f"contract {metadata['holdfast_contract']!r}")
    return ModelInfo(
        target=metadata["target"],
        task=metadata["task"],
        features=tuple(metadata["features"]),
        numeric=tuple(metadata["numeric"]),
        dropped=dict(metadata["dropped"]),
        classes=tuple(metadata["classes"]),
        trained_on=metadata["trained_on"],
        # Models of before the lock have none.
        holdout_sha256=metadata.get("holdout_sha256", ""),
        # Models of before the dates have neither.
        temporal=tuple(metadata.get("temporal", ())),
        remarks=dict(metadata.get("remarks", {})),
    )


def _making(pipeline: "Pipeline") -> dict[str, Any]:
    """Return how a model was made: the lock it was trained under, what its estimator was told."""
    estimator = unwrapped(pipeline.steps[-1][1])
    told = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    return {
        "environment": lock_sha256(),
        "estimator": type(estimator).__name__,
        "parameters": {name: told[name] for name in sorted(told) if _is_plain(told[name])},
    }


def unwrapped(estimator: Any) -> Any:
    """Return the estimator that was trained: a vote of one, which decodes its labels, holds it."""
    while type(estimator).__name__ in ("VotingClassifier", "VotingRegressor"):
        if len(estimator.estimators_) != 1:
            break
        estimator = estimator.estimators_[0]
    return estimator


def _is_plain(value: object) -> bool:
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, bool | int | str)


def _signature(info: ModelInfo) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    types = {"numbers": DataType.double, "dates": DataType.datetime, "text": DataType.string}
    inputs = [ColSpec(types[info.kind_of(name)], name) for name in info.features]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec(_output_type(info))]))


def _output_type(info: ModelInfo) -> Any:
    from mlflow.types import DataType

    kinds = {str: DataType.string, bool: DataType.boolean, int: DataType.long}
    return kinds.get(type(info.classes[0]), DataType.double) if info.classes else DataType.double


def reproducible(data: bytes) -> bytes:
    """Rewrite a skops file without the memory addresses, random names and times in it."""
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renumber(node: dict[str, Any]) -> dict[str, Any]:
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
        if isinstance(node.get("file"), str):
            suffix = Path(node["file"]).suffix
            node["file"] = names.setdefault(node["file"], f"{len(names)}{suffix}")
        if "_stop_words_id" in node:
            # scikit-learn's note of the object that it has checked; what differs is checked again.
            node["_stop_words_id"]["content"] = "0"
        return node

    with zipfile.ZipFile(BytesIO(data)) as source:
        schema = json.loads(source.read("schema.json"), object_hook=renumber)
        members = {"schema.json": json.dumps(schema).encode()}
        members |= {names[old]: source.read(old) for old in names}
    result = BytesIO()
    with zipfile.ZipFile(result, "w") as target:
        for name in sorted(members):
            # A ZipInfo without a date is of 1980.
            target.writestr(zipfile.ZipInfo(name), members[name], zipfile.ZIP_DEFLATED)
    return result.getvalue()
