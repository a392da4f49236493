"""Properties of the command line's parameters, and of reading compiled YAML."""

import json

import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from holdfast import ir
from holdfast.commands.parameters import TYPES, parse_value
from holdfast.errors import InputError
from tests.properties import JSON, TEXT, folder
from tests.support import ROOT

FINITE = st.floats(allow_nan=False, allow_infinity=False)
COMPILED = (ROOT / "compiled" / "components" / "split_table.yaml").read_text()


@given(st.integers(-(10**30), 10**30), FINITE, TEXT, st.booleans())
def test_a_plain_value_is_read_as_it_is_written(whole, number, text, flag):
    assert parse_value("n", str(whole), "int") == whole
    assert parse_value("n", repr(number), "float") == number
    assert parse_value("n", text, "str") == text
    for shown in (str(flag), str(flag).lower(), str(flag).upper()):
        assert parse_value("n", shown, "bool") is flag


@given(JSON)
def test_a_list_or_mapping_is_read_as_json_writes_it(value):
    kinds = {list: "list (JSON)", dict: "dict (JSON)"}
    for kind, name in kinds.items():
        if isinstance(value, kind):
            assert parse_value("n", json.dumps(value), name) == value
        else:
            try:
                parse_value("n", json.dumps(value), name)
            except InputError as error:
                assert f"of type {name}" in str(error)
            else:
                raise AssertionError(f"{value!r} is no {name}")


@given(st.text(), st.sampled_from(sorted(set(TYPES.values()))))
@example("9" * 5000, "int")
@example("[" * 10_000, "list (JSON)")
@example("1e999", "float")
def test_any_text_is_a_value_of_the_type_or_refused(text, kind):
    try:
        value = parse_value("n", text, kind)
    except InputError as error:
        assert str(error).startswith("-p n must be of type")
    else:
        assert type(value).__name__ == kind.split()[0]


@given(st.text())
def test_any_text_is_a_pipeline_or_refused(text):
    with folder() as path:
        (path / "x.yaml").write_text(text, encoding="utf-8", errors="replace")
        try:
            ir.read(path / "x.yaml")
        except InputError as error:
            assert "must be a pipeline compiled by kfp" in str(error)


@given(st.sampled_from(["pipelineInfo", "root", "deploymentSpec", "components"]), JSON)
def test_a_pipeline_with_any_value_in_any_place_is_read_or_refused(key, value):
    assume(value is not None)
    document = yaml.safe_load(COMPILED) | {key: value}
    with folder() as path:
        (path / "x.yaml").write_text(json.dumps(document), encoding="utf-8")
        try:
            found = ir.read(path / "x.yaml")
        except InputError as error:
            assert "must be a pipeline compiled by kfp" in str(error)
        else:
            assert isinstance(found.name, str)
            assert found.spec().root.dag.tasks
