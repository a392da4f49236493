"""What our source never calls: readers that run what they read, and code made of text."""

import ast
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "components" / "holdfast"
# Modules whose readers run what they read.
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch"}
# Builtins that run text.
BUILTINS = {"eval", "exec", "compile", "__import__"}
# Functions that unpickle by default or on demand, by their last name, wherever they are.
CALLS = {"read_pickle", "unpickle", "load_pickle", "unsafe_load", "full_load", "extractall"}
# yaml.load is safe with a loader that knows plain values alone.
SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "_Loader"}
# A shell would run what data says.
SHELLS = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput")}
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("drift/multivariate.py", "torch"): "seeds it; a detector is fitted anew, and none is loaded",
}


def findings(file: Path) -> set[str]:
    """Return what a file uses of all that."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {name for node in ast.walk(tree) for name in used(node)}


def used(node: ast.AST) -> set[str]:  # noqa: C901  # one question after the other
    if isinstance(node, ast.Import):
        return {a.name for a in node.names if a.name.partition(".")[0] in MODULES}
    if isinstance(node, ast.ImportFrom):
        return {node.module} if (node.module or "").partition(".")[0] in MODULES else set()
    if not isinstance(node, ast.Call):
        return set()
    function, found = node.func, set()
    if isinstance(function, ast.Name) and function.id in BUILTINS | CALLS:
        found.add(function.id)
    if isinstance(function, ast.Attribute):
        owner = function.value.id if isinstance(function.value, ast.Name) else ""
        if function.attr in CALLS or (owner, function.attr) in SHELLS:
            found.add(function.attr)
        if owner == "yaml" and function.attr in ("load", "load_all") and not safe(node):
            found.add("yaml.load")
        if owner in ("np", "numpy") and function.attr == "load" and not without_pickle(node):
            found.add("numpy.load")
    options = {k.arg: k.value for k in node.keywords}
    for option in ("allow_pickle", "shell"):
        value = options.get(option)
        if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
            found.add(option)
    return found


def safe(call: ast.Call) -> bool:
    """Tell whether the loader, the second argument, is a safe one."""
    loaders = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "Loader")]
    names = {getattr(loader, "attr", getattr(loader, "id", "")) for loader in loaders}
    return bool(names) and names <= SAFE_LOADERS


def without_pickle(call: ast.Call) -> bool:
    """Tell whether numpy is told not to unpickle."""
    return any(k.arg == "allow_pickle" for k in call.keywords)


def test_nothing_that_runs_what_it_reads_is_called():
    found = {
        (str(file.relative_to(PACKAGE)), name)
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in findings(file)
    }
    assert found - set(EXCEPTIONS) == set()


def test_every_exception_is_still_needed():
    for (name, what), _reason in EXCEPTIONS.items():
        file = PACKAGE / name
        assert not file.is_file() or what in findings(file), f"{name} has no {what} any more"


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "import torch.serialization", "eval(text)",
        "np.load(file)", "np.load(file, allow_pickle=True)", "np.load(file, allow_pickle=chosen)",
        "yaml.load(text, yaml.Loader)", "yaml.load(text)", "yaml.load_all(t, Loader=yaml.Loader)",
        "pandas.read_pickle(path)", "os.system(text)", "subprocess.run(text, shell=True)",
        "archive.extractall(folder)", "yaml.unsafe_load(text)", "exec(text)",
    ],
)  # fmt: skip
def test_it_would_be_found(line, tmp_path):
    (tmp_path / "x.py").write_text(f"def f():\n    {line}\n")
    assert findings(tmp_path / "x.py")


@pytest.mark.parametrize(
    "line",
    ["np.load(file, allow_pickle=False)", "yaml.load(text, yaml.CSafeLoader)", "yaml.safe_load(t)",
     "re.compile(text)", "subprocess.run(words)", "skops.io.load(path, trusted=types)"],
)  # fmt: skip
def test_what_is_safe_is_not_found(line, tmp_path):
    (tmp_path / "x.py").write_text(f"{line}\n")
    assert not findings(tmp_path / "x.py")
