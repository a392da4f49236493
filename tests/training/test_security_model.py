"""A model's directory that came from outside: nothing in it runs, and it is refused in words."""

import json
import shutil
import time
import zipfile

import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from holdfast.errors import InputError
from holdfast.model import load_model, reproducible
from tests.security import planted
from tests.training.samples import save, train_model, write_table


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    columns = {"x": [1.0, 2.0, 3.0, 4.0] * 5, "y": ["a", "b"] * 10}
    table = write_table(folder / "table", columns, "y")
    return save(train_model(table, 2), table, folder / "model")


@pytest.fixture
def model(good, tmp_path):
    return shutil.copytree(good, tmp_path / "model")


@pytest.fixture
def scaled(model):
    """A model that holds arrays of numpy."""
    pipeline = Pipeline([("scale", StandardScaler().fit([[1.0], [2.0]]))])
    (model / "model.skops").write_bytes(reproducible(skops.io.dumps(pipeline)))
    assert isinstance(load_model(model).pipeline, Pipeline)
    return model


@pytest.fixture
def canary(tmp_path):
    assert planted.works(tmp_path / "canary")
    return tmp_path / "canary"


def refuse(model, canary, match=r"`model` (must be an MLflow model|holds types)"):
    with pytest.raises(InputError, match=match):
        load_model(model)
    assert not canary.exists()


def members(model):
    with zipfile.ZipFile(model / "model.skops") as file:
        return {name: file.read(name) for name in file.namelist()}


def pack(model, files):
    with zipfile.ZipFile(model / "model.skops", "w") as file:
        for name, content in files.items():
            file.writestr(name, content)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_under_the_name_of_the_skops_file_is_refused(model, canary, protocol):
    (model / "model.skops").write_bytes(planted.pickled(canary, protocol))
    refuse(model, canary)


def test_an_mlmodel_of_the_cloudpickle_flavour_never_leads_to_its_pickle(model, canary):
    (model / "MLmodel").write_text(planted.mlmodel(canary))
    (model / "model.pkl").write_bytes(planted.pickled(canary))
    refuse(model, canary, r"tag")


def test_a_pickle_beside_a_good_model_is_not_looked_at(model, canary):
    (model / "model.pkl").write_bytes(planted.pickled(canary))
    (model / "python_model.pkl").write_bytes(planted.pickled(canary))
    assert load_model(model).info.features == ("x",)
    assert not canary.exists()


def test_an_array_of_objects_within_the_skops_file_is_refused(scaled, canary):
    files = members(scaled)
    changed = {
        name: planted.array(canary) if name.endswith(".npy") else content
        for name, content in files.items()
    }
    assert changed != files
    pack(scaled, changed)
    refuse(scaled, canary)


def unzipped_types(value):
    """Return a skops file of a Pipeline around some function."""
    return skops.io.dumps(Pipeline([("step", FunctionTransformer(value))]))


@pytest.mark.parametrize("function", [eval, exec, open, __import__])
def test_a_function_that_is_not_on_the_list_is_refused(model, canary, function):
    (model / "model.skops").write_bytes(unzipped_types(function))
    refuse(model, canary, r"holds types that are not on the allow-list")


@pytest.mark.parametrize(
    ("loader", "module", "name"),
    [
        ("FunctionNode", "os", "system"),
        ("TypeNode", "subprocess", "Popen"),
        ("ObjectNode", "tests.security.planted", "Payload"),
        ("ReduceNode", "builtins", "open"),
        ("MethodNode", "builtins", "open"),
        ("OperatorFuncNode", "operator", "call"),
        ("PartialNode", "os", "system"),
        ("JsonNode", "os", "system"),
        ("SparseMatrixNode", "os", "system"),
        ("NoSuchNode", "os", "system"),
    ],
)
def test_no_node_of_skops_calls_what_is_not_on_the_list(model, canary, loader, module, name):
    state = {"content": f"touch {canary}", "__class__": "str", "__module__": "builtins",
             "__loader__": "JsonNode", "is_json": True}  # fmt: skip
    node = {"__class__": name, "__module__": module, "__loader__": loader, "__id__": 7,
            "content": {"module_path": module, "function": name, "class_name": name,
                        "args": state, "func": state, "obj": state, "keywords": state},
            "reduce": {"args": state}, "attrs": state, "type": "scipy", "file": "x"}  # fmt: skip
    document = json.loads(members(model)["schema.json"])
    pack(model, {"schema.json": json.dumps({**document, **node}), "x": planted.pickled(canary)})
    refuse(model, canary)


def test_another_object_than_a_pipeline_is_refused(model, canary):
    (model / "model.skops").write_bytes(skops.io.dumps({"steps": []}))
    refuse(model, canary, r"a dict, not a Pipeline")


@pytest.mark.parametrize("size", [2**24, 2**31, 2**62, -1])
@pytest.mark.parametrize("array", ["left_children", "split_conditions", "default_left"])
def test_trees_whose_sizes_lie_are_refused(model, canary, array, size):
    """XGBoost itself believes such a count, and ends the process by a segmentation fault."""
    files = members(model)
    booster = next(name for name, content in files.items() if b"learner" in content)
    content = files[booster]
    at = content.index(b"#L", content.index(array.encode())) + 2
    files[booster] = content[:at] + size.to_bytes(8, "big", signed=True) + content[at + 8 :]
    pack(model, files)
    refuse(model, canary, r"trees (that end|with a count)")


def test_an_array_that_says_it_is_huge_is_refused(scaled, canary):
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }"
    text = header % 10**15
    files = {
        name: text.ljust(128) + b"\n" if name.endswith(".npy") else content
        for name, content in members(scaled).items()
    }
    pack(scaled, files)
    refuse(scaled, canary)


def bomb(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [bomb(12), "metadata: &a {b: *a}", "[" * 100_000, "a: " + "9" * 5000, "a: 0x" + "f" * 5000,
     "!!python/object/apply:os.system [id]", "metadata: !!int ''", "\x00", "- 1", "",
     "metadata: {holdfast_contract: model/1, features: 5}", "a: \ud800"],
)  # fmt: skip
def test_an_mlmodel_that_is_no_plain_description_is_refused_at_once(model, canary, text):
    (model / "MLmodel").write_bytes(text.encode("utf-8", "surrogatepass"))
    start = time.monotonic()
    refuse(model, canary)
    # No bound of a test: a bomb would take hours, or the memory.
    assert time.monotonic() - start < 60


def test_a_link_of_a_zip_that_leads_out_is_not_followed(scaled, canary, tmp_path):
    files = members(scaled)
    document = json.loads(files["schema.json"])
    (tmp_path / "outside.npy").write_bytes(planted.array(canary))
    text = json.dumps(document)
    name = next(name for name in files if name.endswith(".npy"))
    files["schema.json"] = text.replace(name, str(tmp_path / "outside.npy")).encode()
    pack(scaled, files)
    refuse(scaled, canary)


def test_reading_a_model_leaves_no_file_behind(model, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    load_model(model)
    assert sorted(tmp_path.rglob("*")) == before


def test_trees_under_another_name_are_looked_at_all_the_same(model, canary):
    files = members(model)
    booster = next(name for name, content in files.items() if b"learner" in content)
    files["x.npy"] = files.pop(booster)[:-100]
    files["schema.json"] = files["schema.json"].replace(booster.encode(), b"x.npy")
    pack(model, files)
    refuse(model, canary, r"trees that end")
