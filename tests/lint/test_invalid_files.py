"""A file that is not valid is a finding with its place, and never more than that."""

import copy
import random

import pytest
import yaml
from kfp import compiler

from holdfast import ir
from holdfast.errors import InputError
from holdfast.lint import engine, output
from tests.lint import features, files
from tests.lint.files import changed, write


def only(file):
    """Return the one result of a file."""
    (result,) = engine.lint([file]).results
    return result


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("", 1, "found nothing"),
        ("just text", 1, "found str"),
        ("a: [1, 2", 2, "not YAML"),
        ("a: 1\nb: [\nc: }\n", 3, "not YAML"),
        ("a: &x 1\nb: *x\n", 1, "an alias"),
        ("{" * 500, 1, "levels"),
        ("a: 1\n---\nb: 1\n---\nc: 1\n", 1, "dict, dict, dict"),
        ("a: 2026-99-99\n", 1, "month"),
        ("a: " + "9" * 5000, 1, "digit"),
        ("? [a]\n: 1\n", 1, "not YAML"),
        ("a: !!python/object/apply:os.system [ls]", 1, "the tag"),
        ("a: !!timestamp x", 1, "the tag"),
        ('a: !!int ""', 1, "the tag"),
    ],
)
def test_what_is_no_yaml_of_kfp_is_one_finding(tmp_path, text, line, said):
    result = only(write(tmp_path, text))
    assert (result.finding.rule, result.finding.severity, result.line) == ("HF101", "error", line)
    assert said in result.finding.message


def test_bytes_that_are_no_text_are_a_finding(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xff\xfe\x00a")
    assert only(file).finding.message == "not UTF-8"


def test_aliases_of_aliases_are_refused_before_they_grow(tmp_path):
    levels = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40))
    assert only(write(tmp_path, f"a0: &a0 x\n{levels}\n")).finding.rule == "HF101"


def test_a_file_over_the_limit_is_not_read(tmp_path):
    file = tmp_path / "big.yaml"
    with file.open("wb") as big:
        big.truncate(ir.MOST_BYTES + 1)
    assert only(file).finding.rule == "HF107"


@pytest.mark.parametrize(
    "text, said",
    [
        ("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", "Workflow"),
        ("name: a\nimplementation:\n  container: {}\n", "KFP v1"),
        ("pipelineSpec: {}\nruntimeConfig: {}\n", "Vertex"),
    ],
)
def test_what_else_people_take_for_a_pipeline_is_told_as_what_it_is(tmp_path, text, said):
    assert said in only(write(tmp_path, text)).finding.message


def test_each_mistake_has_its_place_and_no_value(tmp_path):
    text = files.PIPELINE
    text = text.replace("image: registry.example.com/team/load:1.2.0", "image: 31337")
    text = text.replace("dependentTasks: [load]", "dependentTasks: sesame")
    text = text.replace("backoffDuration: 30s", "backoffDuration: sesame")
    text = text.replace("parameterType: NUMBER_INTEGER", "parameterType: SESAME")
    text = text.replace("enableCache: true", "enableCache: sesame", 1)
    results = engine.lint([write(tmp_path, text)]).results
    lines = text.splitlines()
    assert {(lines[r.line - 1].split(":")[0].strip(), r.finding.rule) for r in results} == {
        ("image", "HF102"),
        ("dependentTasks", "HF102"),
        ("backoffDuration", "HF102"),
        ("parameterType", "HF102"),
        ("enableCache", "HF102"),
    }
    assert not any("sesame" in r.finding.message.lower() for r in results)
    assert not any("31337" in r.finding.message for r in results)


@pytest.mark.parametrize(
    "path, values",
    [
        ("components", {"comp-load": 5}),
        ("components/comp-load", {"dag": {"tasks": {}}}),
        ("root", {"dag": None}),
        ("root/dag", {"tasks": {}}),
        ("root/dag/tasks/load/retryPolicy", {"maxRetryCount": 1e30}),
        ("root/dag/tasks/load/retryPolicy", {"maxRetryCount": 1.5}),
        ("root/dag/tasks/load/retryPolicy", {"backoffFactor": "much"}),
        ("components/comp-load/inputDefinitions/parameters/uri", {"defaultValue": float("inf")}),
        ("components/comp-load/inputDefinitions/parameters/uri", {"defaultValue": {1: 2}}),
        ("deploymentSpec", {"executors": ["load"]}),
        ("deploymentSpec/executors/exec-load", {"container": {"command": ["a", 1]}}),
        ("platforms/kubernetes/deploymentSpec/executors/exec-load", {"secretAsEnv": "store"}),
    ],
)
def test_what_the_server_refuses_is_an_error(tmp_path, path, values):
    found = files.found(tmp_path, *changed(path, **values))
    assert "HF102 error" in found


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        engine.lint([tmp_path / "none.yaml"])
    with pytest.raises(InputError, match="0 YAML files"):
        engine.lint([tmp_path])


JUNK = (
    *(None, True, 0, -1, 1.5, 10**30, float("inf"), "", "y", "{{$.x}}", "s3://b/k", "0s", b"x"),
    *([], [None], {}, {"a": None}, {1: 2}, "AKIAABCDEFGHIJKLMNOP", "\u2014", "\x1b[31m"),
)


def places(value, path=()):
    """Yield the path of everything in a document."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def spoil(document, chance):
    """Change a few places of a document, so that it is nearly what kfp writes."""
    paths = [path for path in places(document) if path]
    for _ in range(chance.choice([1, 1, 2, 4])):
        *above, last = chance.choice(paths)
        place = document
        try:
            for key in above:
                place = place[key]
            if isinstance(place, dict) and chance.random() < 0.3:
                place.pop(last)
            else:
                place[last] = copy.deepcopy(chance.choice(JUNK))
        except (KeyError, IndexError, TypeError):
            continue  # What was above it is gone.


@pytest.mark.parametrize("name", ["volumes", "loops-and-conditions", "importers", "nested-fan-in"])
def test_nothing_that_is_nearly_valid_stops_lint(tmp_path, name):
    source = tmp_path / "source.yaml"
    compiler.Compiler().compile(features.PIPELINES[name], str(source))
    documents = list(yaml.safe_load_all(source.read_text()))
    chance = random.Random(name)
    for _ in range(40):
        parts = copy.deepcopy(documents)
        for part in parts:
            spoil(part, chance)
        report = engine.lint([write(tmp_path, yaml.safe_dump_all(parts))])
        assert all(write_as(report) for write_as in output.FORMATS.values())
