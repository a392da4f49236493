"""check_parity: the same numbers in process and over HTTP, or a verdict that says where not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from holdfast.errors import InputError, MachineError
from holdfast.model import load_model
from holdfast.serving.check_parity import ask, logic
from holdfast.serving.check_parity.ask import Answers, connect
from tests.serving import predictors

STUB = Path(ask.__file__).with_name("component.py")
DEPLOYMENT = Path(__file__).parents[2] / "compiled/pipelines/deployment.yaml"


@pytest.fixture
def model(people):
    return load_model(people[1])


def compare(model, table, url, rows=60):
    with logic.served("", url, "") as found:
        return logic.compare(logic.draw(model, table, rows, 7), found)


def test_the_predictor_of_this_step_answers_what_the_model_answers(people, model, tmp_path):
    """The step starts it itself; all kinds of features, with missing values."""
    table, folder = people
    with logic.served(folder, "", "") as server:
        assert server.name == "model"
        found = logic.compare(logic.draw(model, table, 200, 42), server)
        process = server.client
    assert process.is_closed
    assert found.verdict.decision == "pass" and found.verdict.reasons == ()
    assert found.metrics() == {
        "rows": 200, "rows_left_out": 0,
        "v1_differing": 0, "v1_unanswered": 0, "v1_largest_difference": 0,
        "v2_differing": 0, "v2_unanswered": 0, "v2_largest_difference": 0,
    }  # fmt: skip
    said = found.write(tmp_path / "v.json", tmp_path / "r.html", tmp_path / "r.md")
    assert said["decision"] == "pass"
    assert json.loads((tmp_path / "v.json").read_text())["decision"] == "pass"
    assert "Serving parity: pass" in (tmp_path / "r.md").read_text()
    assert "200 rows" in (tmp_path / "r.html").read_text()


def test_a_server_of_another_model_fails_and_the_rows_are_named(people, server):
    other = predictors.trees(people[0], rounds=11)
    found = compare(other, people[0], server.url)
    assert found.verdict.decision == "fail"
    assert [reason.code for reason in found.verdict.reasons] == ["answers_differ"] * 2
    by_v1, by_v2 = found.found
    assert by_v1.differing == by_v2.differing and len(by_v1.differing) > 50
    assert 0 < by_v1.largest < 1
    reason = found.verdict.reasons[0]
    assert reason.examples == tuple(map(str, by_v1.differing[:5]))
    assert set(by_v1.differing) <= set(found.drawn.numbers)
    assert found.metrics()["v1_differing"] == len(by_v1.differing)


def test_one_answer_that_is_off_by_the_last_bit_is_found(people, model, server):
    class Off:
        def ask(self, protocol, model, rows):
            answers = real.ask(protocol, model, rows)
            if protocol == "v2" and rows.num_rows > 1:
                first = answers.probabilities[3]
                first[0] = float(np.nextafter(first[0], 1))
            return answers

    with connect(server.url, "") as real:
        drawn = logic.draw(model, people[0], 80, 7)
        found = logic.compare(drawn, Off())
    by_v1, by_v2 = found.found
    assert by_v1.differing == ()
    assert by_v2.differing == (drawn.numbers[23],)
    assert 0 < by_v2.largest < 1e-15
    assert found.verdict.decision == "fail"


@pytest.mark.parametrize(
    ("answers", "same", "difference"),
    [
        (Answers(["a"], [[0.25, 0.75]]), True, 0.0),
        (Answers(["b"], [[0.25, 0.75]]), False, 0.0),
        (Answers(["a"], [[0.5, 0.75]]), False, 0.25),
        (Answers(["a"], [[0.25]]), False, 0.0),
        (Answers(["a"], []), False, 0.0),
        (Answers([], []), False, 0.0),
        (Answers(["a"], ["x"]), False, 0.0),
    ],
)
def test_answers_are_the_same_only_if_all_of_them_is(answers, same, difference):
    expected = Answers(["a"], [[0.25, 0.75]])
    assert logic._difference(expected, answers, 0) == (same, difference)


def test_a_number_and_its_text_are_not_the_same():
    assert logic._difference(Answers([1], []), Answers(["1"], []), 0) == (False, 0.0)
    assert logic._difference(Answers([1.0], []), Answers([3.5], []), 0) == (False, 2.5)


def test_rows_that_a_server_refuses_fail_with_what_it_said(people, server, tmp_path):
    table = predictors.measures(tmp_path / "table")
    found = compare(predictors.line(table), table, server.url, rows=30)
    assert found.verdict.decision == "fail"
    assert [reason.code for reason in found.verdict.reasons] == ["rows_not_answered"] * 2
    assert "status 422" in found.verdict.reasons[0].message
    assert found.metrics()["v2_unanswered"] == 30


def test_infinite_numbers_are_left_out_with_a_warning(people, model, server, tmp_path):
    rows = people[0].read()
    ages = rows.column("age").to_pylist()
    ages[5], ages[8] = float("inf"), float("-inf")
    rows = rows.set_column(0, "age", pa.array(ages))
    table = predictors.write(tmp_path / "table", rows, "answer")
    found = compare(model, table, server.url, rows=400)
    assert found.verdict.decision == "warn"
    assert [reason.code for reason in found.verdict.reasons] == ["infinite_numbers"]
    assert found.metrics()["rows"] == 398 and found.metrics()["rows_left_out"] == 2
    assert not {5, 8} & set(found.drawn.numbers)


def test_the_draw_depends_on_the_seed_alone_and_keeps_the_order(people, model):
    table = people[0]
    one, again, other = (logic.draw(model, table, 50, seed) for seed in (1, 1, 2))
    assert one.numbers == again.numbers != other.numbers
    assert list(one.numbers) == sorted(set(one.numbers))
    assert one.rows.equals(again.rows)
    assert one.rows.equals(table.read(list(model.info.features)).take(list(one.numbers)))
    assert logic.draw(model, table, 9999, 1).numbers == tuple(range(400))


def test_rows_are_asked_for_alone_and_together(people, model):
    sizes = [part.stop - part.start for part in logic.draw(model, people[0], 150, 1).parts()]
    assert sizes == [1] * 20 + [60, 60, 10]


@pytest.mark.parametrize(
    ("rows", "seed", "name"), [(0, 1, "rows"), (10_001, 1, "rows"), (10, -1, "seed")]
)
def test_what_is_out_of_range_is_refused(rows, seed, name, people, model):
    with pytest.raises(InputError, match=f"`{name}` must be"):
        logic.draw(model, people[0], rows, seed)


def test_a_table_that_does_not_fit_is_refused(model, tmp_path):
    with pytest.raises(InputError, match="`table` lacks"):
        logic.draw(model, predictors.measures(tmp_path / "table"), 10, 1)


def test_an_empty_table_is_refused(people, model, tmp_path):
    table = predictors.write(tmp_path / "table", people[0].read().slice(0, 0), "answer")
    with pytest.raises(InputError, match="must hold rows"):
        logic.draw(model, table, 10, 1)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:9", MachineError),
        ("nonsense", InputError),
        ("ftp://x", InputError),
        ("http://nobody.invalid:99", MachineError),
        ("http://x:port", InputError),
    ],
)
def test_a_url_without_a_server_is_refused(url, kind, people, model):
    with pytest.raises(kind, match="`url` must be a server"), logic.served("", url, ""):
        pass


def test_an_error_of_the_comparison_is_not_put_down_to_the_url(server):
    with pytest.raises(ValueError, match="mine"), logic.served("", server.url, ""):
        raise ValueError("mine")


def tasks_before(name, tasks):
    """Return the tasks without which this one does not start."""
    found = set(tasks[name].get("dependentTasks", ()))
    return found.union(*(tasks_before(each, tasks) for each in found))


def test_the_deployment_pipeline_promotes_nothing_that_parity_fails():
    """The gate stands before promote_model, and promote_model itself reads the same verdict."""
    root = yaml.safe_load_all(DEPLOYMENT.read_text())
    spec = next(iter(root))
    tasks = spec["root"]["dag"]["tasks"]
    gate, promoted = tasks["check-verdict"], tasks["promote-model"]
    for task in (gate, promoted):
        assert task["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"] == {
            "producerTask": "check-parity", "outputArtifactKey": "verdict",
        }  # fmt: skip
    assert "check-verdict" in tasks_before("promote-model", tasks)
    assert "parameters" not in gate["inputs"]
    stops = spec["components"][gate["componentRef"]["name"]]["inputDefinitions"]["parameters"]
    assert stops["stop_on"]["defaultValue"] == ["fail"]
    compared = tasks["check-parity"]["inputs"]["artifacts"]["model"]["taskOutputArtifact"]
    asked = promoted["inputs"]["parameters"]["version"]["taskOutputParameter"]
    assert compared["producerTask"] == asked["producerTask"] == "fetch-model"


def test_a_url_never_shows_its_password():
    with pytest.raises(MachineError) as refused, logic.served("", "http://me:hush@127.0.0.1:9", ""):
        pass
    assert "hush" not in str(refused.value)


def test_the_component_passes_on_what_the_logic_finds(people, server, tmp_path):
    """Run by KFP's executor, as in a step."""
    inputs = {"model": ("system.Model", people[1]), "table": ("system.Dataset", people[0].path)}
    kinds = {"verdict": "Artifact", "report": "HTML", "summary": "Markdown", "metrics": "Metrics"}
    outputs = {name: (f"system.{kind}", tmp_path / name) for name, kind in kinds.items()}
    request = {
        "inputs": {
            "parameterValues": {"rows": 30, "seed": 1, "url": server.url, "model_name": "people"},
            "artifacts": artifacts(inputs),
        },
        "outputs": {
            "parameters": {"Output": {"outputFile": str(tmp_path / "decision")}},
            "artifacts": artifacts(outputs),
            "outputFile": str(tmp_path / "executor_output.json"),
        },
    }
    program = tmp_path / "program.py"
    # KFP embeds the function without its decorator.
    lines = STUB.read_text().splitlines()
    program.write_text("\n".join(line for line in lines if not line.startswith("@")))
    command = [sys.executable, "-m", "kfp.dsl.executor_main", "--component_module_path", program,
               "--function_to_execute", "check_parity",
               "--executor_input", json.dumps(request)]  # fmt: skip
    variables = {**os.environ, "_KFP_RUNTIME": "true"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "executor_output.json").read_text())
    assert written["parameterValues"] == {"Output": "pass"}
    (metrics,), (verdict,) = (written["artifacts"][k]["artifacts"] for k in ("metrics", "verdict"))
    assert metrics["metadata"]["rows"] == 30
    assert verdict["metadata"]["decision"] == "pass"
    assert "Serving parity" in (tmp_path / "report").read_text()
    assert "Serving parity" in (tmp_path / "summary").read_text()


def artifacts(places):
    return {
        name: {
            "artifacts": [
                {"name": name, "type": {"schemaTitle": kind}, "uri": str(path), "metadata": {}}
            ]
        }
        for name, (kind, path) in places.items()
    }
