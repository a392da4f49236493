"""The shap library without numba and llvmlite, which would make the image a quarter larger.

The explainers that we call are compiled (trees) or NumPy (linear models); numba speeds up
bookkeeping in the others, and compiling it takes longer than it saves on our budget of rows.
"""

import sys
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@cache
def shap() -> ModuleType:
    """Import shap; where numba is not installed, functions marked for it stay plain Python."""
    if find_spec("numba") is not None:
        return _import()
    names = ("numba", "numba.typed")
    modules = [ModuleType(name) for name in names]
    numba, typed = modules
    # Set by name: ModuleType declares no attributes.
    vars(numba).update(njit=_plain, jit=_plain, typed=typed)
    sys.modules.update(zip(names, modules, strict=True))
    try:
        return _import()
    finally:
        # Nobody else may take the stand-in for numba.
        for name in names:
            del sys.modules[name]


def _plain(function: Any = None, **_: Any) -> Any:
    return function if function is not None else _plain


def _import() -> ModuleType:
    import shap as library

    return library
