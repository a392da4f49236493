"""Files that run something if they are ever unpickled: to be put where artifacts are read.

Imports nothing but Python and, where it is asked for, numpy: it is used in every environment.
"""

import builtins
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any


class Payload:
    """What writes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickle calls."""
        return builtins.open, (str(self.canary), "w")


def pickled(canary: Path, protocol: int = 4) -> bytes:
    """Return a pickle, as joblib and cloudpickle write it; of protocol 0 it is plain ASCII."""
    return pickle.dumps(Payload(canary), protocol)


def works(canary: Path) -> bool:
    """Tell whether the payload works at all, and remove its trace."""
    pickle.loads(pickled(canary))
    found = canary.exists()
    canary.unlink()
    return found


def array(canary: Path) -> bytes:
    """Return an array of objects as numpy saves it, which is a pickle behind a header."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, np.array([Payload(canary)], dtype=object), allow_pickle=True)
    return file.getvalue()


def arrays(canary: Path, names: tuple[str, ...]) -> bytes:
    """Return an archive of such arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name in names:
            target.writestr(f"{name}.npy", array(canary))
    return file.getvalue()


def mlmodel(canary: Path) -> str:
    """Return an MLmodel of the cloudpickle flavour, with what PyYAML's unsafe loaders would run."""
    return f"""
artifact_path: model
flavors:
  python_function: {{loader_module: mlflow.sklearn, model_path: model.pkl, python_version: 3.11.2}}
  sklearn: {{pickled_model: model.pkl, serialization_format: cloudpickle, sklearn_version: 1.9.1}}
metadata: {{holdfast_contract: model/1, target: y, task: classification, features: [x],
  numeric: [x], dropped: {{}}, classes: ['a', 'b'], trained_on: ''}}
model_uuid: {"0" * 32}
run: !!python/object/apply:builtins.open ["{canary}", "w"]
"""


# Every name that a component of ours reads in a folder, and those that MLflow and others load.
NAMES = (
    "_manifest.json", "part-00000.parquet", "profile.parquet", "FeatureStats.pb", "schema.pbtxt",
    "detector.json", "sample.parquet", "outlier_detector.json", "outlier_detector.npz",
    "performance_baseline.json", "performance_baseline.npz", "losses.skops", "model.skops",
    "model.pkl", "python_model.pkl", "model.joblib", "model.ubj", "input_example.json",
    "serving_input_example.json", "registered_model_meta", "requirements.txt",
)  # fmt: skip


def folder(path: Path, canary: Path, described: bool) -> Path:
    """Write a folder in which each known file is a pickle; return it.

    With `described`, there is an MLmodel that leads to one.
    """
    path.mkdir(parents=True)
    for name in NAMES:
        (path / name).write_bytes(pickled(canary))
    (path / "MLmodel").write_text(mlmodel(canary) if described else "")
    return path
