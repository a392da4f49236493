"""Alibi Detect's classes, without what they do not need.

`alibi_detect/__init__.py` imports every detector and the saving of all of them: transformers,
numba, OpenCV, and TensorFlow or PyTorch where they are installed. The modules of the tabular
detectors need scikit-learn and SciPy alone. So the packages are entered without running their
`__init__`: 1 s and 190 MB less.
"""

import importlib
import importlib.machinery
import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGES = (
    "alibi_detect",
    "alibi_detect.cd",
    "alibi_detect.od",
    "alibi_detect.models",
    "alibi_detect.models.pytorch",
)


def detector_class(module: str, name: str) -> Any:
    """Return a class of Alibi Detect, such as `detector_class("cd.tabular", "TabularDrift")`.

    Raises:
        ImportError: Alibi Detect, or what this detector needs, is not installed.
    """
    _enter()
    return getattr(importlib.import_module(f"alibi_detect.{module}"), name)


def _enter() -> None:
    """Make the packages known, where nobody has imported them as a whole."""
    if _PACKAGES[0] in sys.modules:
        return
    spec = importlib.util.find_spec(_PACKAGES[0])
    if spec is None or spec.origin is None:
        raise ImportError("alibi-detect is not installed in this environment")
    # It warns of what it does by default.
    logging.getLogger(_PACKAGES[0]).setLevel(logging.ERROR)
    root = Path(spec.origin).parent.parent
    for name in _PACKAGES:
        package = ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        package.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        sys.modules[name] = package
