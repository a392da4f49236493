"""check_endpoint against a real server that is well, or is not."""

import json
import socket
from pathlib import Path

import pytest

from holdfast.deployment.check_endpoint import logic
from holdfast.deployment.endpoint import TOKEN
from holdfast.deployment.examples import read_example, read_model
from holdfast.errors import InputError
from holdfast.verdict import read_verdict
from tests.deployment.endpoints import NAME, certificate, serve

MLMODEL = """\
flavors: {}
metadata: {classes: CLASSES}
signature:
  inputs: '[{"type": "double", "name": "size"}, {"type": "string", "name": "place"},
    {"type": "datetime", "name": "sold"}, {"type": "long", "name": "rooms"}]'
  outputs: '[{"type": "double", "required": true}]'
"""
EXAMPLE = {
    "columns": ["size", "place", "sold", "rooms"],
    "data": [[1.0, "a", "2026-01-01T00:00:00", 2], [2.5, None, "2026-01-02T00:00:00", 3]],
}


def model_at(folder: Path, classes: str = "[]", example: object = EXAMPLE) -> str:
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL.replace("CLASSES", classes))
    if example is not None:
        (folder / "input_example.json").write_text(json.dumps(example))
    return str(folder)


@pytest.fixture
def model(tmp_path):
    return model_at(tmp_path / "model")


def check(url, model="", request="", protocol="both", version=0, host="", patience=(5.0, 0)):
    settings = logic.ask((url, NAME, host), (model, request), protocol, version, patience)
    return logic.check(settings)


def codes(result):
    return {(reason.code, reason.subject) for reason in result.verdict.reasons}


def test_a_server_that_is_well_passes_in_both_protocols(model, tmp_path):
    with serve() as served:
        result = check(served.url, model, version=3)
    assert (result.verdict.decision, result.verdict.reasons) == ("pass", ())
    assert {path for _, path in served.seen} == {
        "/v1/models/houses", "/v1/models/houses:predict", "/v1/models/houses-is-not-here:predict",
        "/v2/health/live", "/v2/health/ready", "/v2/models/houses", "/v2/models/houses/ready",
        "/v2/models/houses/infer", "/v2/models/houses-is-not-here/infer",
    }  # fmt: skip
    assert result.scores["v2_predict_ms"] > 0
    assert (result.scores["calls"], result.scores["calls_with_findings"]) == (13, 0)
    metadata = result.write(*(tmp_path / name for name in ("verdict", "page", "summary")))
    assert metadata["decision"] == read_verdict(tmp_path / "verdict").decision == "pass"
    assert "Version that answered: 3" in (tmp_path / "page").read_text()
    assert "v1\\_predict" in (tmp_path / "summary").read_text()


def test_one_protocol_is_asked_if_one_is_wanted(model):
    with serve() as served:
        check(served.url, model, protocol="v1")
    assert all(path.startswith("/v1/") for _, path in served.seen)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({"lose": 1}, "wrong_count"),
        ({"value": float("nan")}, "not_finite"),
        ({"value": float("inf")}, "not_finite"),
        ({"width": 2}, "wrong_shape"),
        ({"statuses": {"predict": 500, "infer": 500}}, "server_error"),
        ({"statuses": {"predict": 422, "infer": 422}}, "refused"),
        ({"statuses": {"": 403}}, "not_allowed"),
        ({"redirect": "https://login.example/auth?code=secret"}, "redirected"),
        ({"lenient": True}, "malformed_accepted"),
        ({"fallback": "mean"}, "fallback"),
    ],
)
def test_a_wrong_answer_fails_in_both_protocols(model, behaviour, expected):
    with serve(**behaviour) as served:
        result = check(served.url, model)
    assert result.verdict.decision == "fail"
    found = {subject.partition("_")[0] for code, subject in codes(result) if code == expected}
    assert found == {"v1", "v2"}
    assert "secret" not in result.report.html()


def test_an_answer_without_predictions_fails(model):
    with serve(lose=2) as served:
        found = codes(check(served.url, model))
    assert found == {("no_predictions", "v1_predict"), ("wrong_count", "v2_predict")}


def test_a_malformed_request_must_not_crash_the_server(model):
    with serve(statuses={":predict": 500}) as served:
        result = check(served.url, model, protocol="v1")
    assert ("malformed_not_refused", "v1_malformed") in codes(result)
    assert ("malformed_not_refused", "v1_wrong_types") in codes(result)


def test_a_model_that_is_not_there_is_404_and_another_4xx_is_only_a_warning(model):
    with serve(statuses={"is-not-here": 403}) as served:
        result = check(served.url, model, protocol="v2")
    assert result.verdict.decision == "warn"
    assert codes(result) == {("unknown_model_not_404", "v2_unknown")}
    with serve(knows_all=True) as served:
        assert check(served.url, model, protocol="v2").verdict.decision == "fail"


def test_a_server_or_a_model_that_is_not_ready_fails(model):
    with serve(ready=False) as served:
        found = codes(check(served.url, model))
    assert {("not_ready", f"v{n}_model_ready") for n in (1, 2)} <= found
    assert ("not_ready", "v2_ready") in found


def test_the_metadata_must_name_the_model(model):
    with serve(metadata_name="flats") as served:
        assert codes(check(served.url, model)) == {("wrong_metadata", "v2_metadata")}


def test_another_version_than_the_expected_one_fails(model):
    with serve() as served:
        result = check(served.url, model, version=4)
        assert result.verdict.decision == "fail"
        assert codes(result) == {("wrong_version", "v2_predict"), ("wrong_version", "v2_metadata")}
        served.behaviour.tells_version = False
        assert codes(check(served.url, model, version=4)) == {("version_unknown", "version")}
        assert check(served.url, model).verdict.decision == "pass"


def test_a_label_that_is_no_class_of_the_model_fails(tmp_path):
    model = model_at(tmp_path / "model", "[big, small]")
    with serve(value="big") as served:
        assert check(served.url, model).verdict.decision == "pass"
        served.behaviour.value = "huge"
        found = codes(check(served.url, model))
    assert found == {("unknown_class", "v1_predict"), ("unknown_class", "v2_predict")}


def test_an_endpoint_that_is_down_is_a_failed_check_and_not_an_error(model):
    with socket.socket() as held:
        # Bound but not listening: nobody else gets the port, and connections are refused.
        held.bind(("127.0.0.1", 0))
        result = check(f"http://127.0.0.1:{held.getsockname()[1]}", model, version=3)
    assert result.verdict.decision == "fail"
    assert codes(result) == {("unreachable", "v1_model_ready")}
    assert result.scores["calls"] == 1


@pytest.mark.parametrize("behaviour", [{"hang": True}, {"drip": True}])
def test_a_server_that_hangs_or_drips_is_given_up(model, behaviour):
    with serve(**behaviour) as served:
        result = check(served.url, model, patience=(0.3, 0))
    (reason,) = result.verdict.reasons
    assert (reason.code, reason.observed) == ("unreachable", "no answer within 0.3 s")


def test_a_server_that_starts_is_asked_again(model, monkeypatch):
    monkeypatch.setattr("holdfast.deployment.endpoint.FIRST_WAIT", 0.01)
    with serve(busy_first=2) as served:
        assert check(served.url, model, patience=(5.0, 1)).verdict.decision == "fail"
        served.predictions = 0
        result = check(served.url, model, patience=(5.0, 2))
    assert result.verdict.decision == "pass"
    assert result.scores["repeated_calls"] == 2


def test_host_and_token_are_sent_and_the_token_is_not_told(model, monkeypatch):
    with serve(wanted_host="houses.example", wanted_token="hush-hush") as served:
        assert check(served.url, model).verdict.decision == "fail"
        monkeypatch.setenv(TOKEN, "hush-hush")
        result = check(served.url, model, host="houses.example")
    assert result.verdict.decision == "pass"
    assert "hush-hush" not in result.report.html() + repr(result)


def test_a_certificate_must_be_known(model, tmp_path, monkeypatch):
    signed = certificate(tmp_path)
    with serve(signed) as served:
        (reason,) = check(served.url, model).verdict.reasons
        assert (reason.code, reason.effect) == ("unreachable", "fail")
        assert "CERTIFICATE_VERIFY_FAILED" in reason.message
        monkeypatch.setenv("SSL_CERT_FILE", str(signed))
        assert check(served.url, model).verdict.decision == "pass"


def test_a_request_is_sent_instead_of_the_example():
    request = json.dumps({"instances": [{"size": 1}, {"size": 2}, {"size": 3}]})
    with serve() as served:
        assert check(served.url, request=request, protocol="v1").verdict.decision == "pass"
        served.behaviour.lose = 1
        (reason,) = check(served.url, request=request, protocol="v1").verdict.reasons
        assert (reason.code, reason.observed, reason.expected) == ("wrong_count", "2", "3")
        tensor = {"name": "size", "shape": [1], "datatype": "FP64", "data": [1]}
        served.behaviour.lose = 0
        request = json.dumps({"inputs": [tensor]})
        assert check(served.url, request=request, protocol="v2").verdict.decision == "pass"


def test_mlflows_forms_of_an_example_are_read(tmp_path):
    columns = ("size", "place")
    rows = ((1.0, "a"), (None, "b"))
    records = [{"size": 1.0, "place": "a"}, {"size": None, "place": "b"}]
    nan = '{"columns": ["size", "place"], "data": [[1.0, "a"], [NaN, "b"]]}'
    for number, text in enumerate([nan, json.dumps(records), json.dumps({"inputs": records})]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "input_example.json").write_text(text)
        found = read_example(str(folder))
        assert (found.columns, found.values) == (columns, rows)
    (tmp_path / "0" / "serving_input_example.json").write_text('{"inputs": [[1, 2], [3, 4]]}')
    assert read_example(str(tmp_path / "0")).values == ([1, 2], [3, 4])


def test_a_v2_request_carries_the_signatures_types(model):
    body = logic.ask(("http://h", NAME, ""), (model, ""), "v2", 0, (1, 0)).sample.bodies["v2"]
    document = json.loads(body)
    types = {tensor["name"]: tensor["datatype"] for tensor in document["inputs"]}
    assert types == {"size": "FP64", "place": "BYTES", "sold": "BYTES", "rooms": "INT64"}
    assert document["inputs"][1] == {
        "name": "place", "shape": [2], "datatype": "BYTES", "data": ["a", None],
    }  # fmt: skip
    assert document["parameters"] == {"content_type": "pd"}
    assert read_model("").types == {}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"url": "houses.example"}, "`url` must be http"),
        ({"url": "http://h:port"}, "`url` must be http"),
        ({"url": "http://me:pass@h"}, "`url` must hold no user and no password"),
        ({"url": "http://h/v1/models/x:predict"}, "`url` must end before the path"),
        ({"host": "a b"}, "`model_name` must be the name"),
        ({"protocol": "grpc"}, "`protocol` must be one of"),
        ({"version": -1}, "`version` must be 0 for any"),
        ({"patience": (0.0, 1)}, "`timeout_seconds` must lie above 0"),
        ({"patience": (1.0, 99)}, "`retries` must lie between"),
        ({"model": ""}, "`model` or `request` must be given"),
        ({"request": "{"}, "`request` must be a JSON body"),
        ({"request": '{"inputs": []}'}, "`request` must be a JSON body"),
        ({"request": '{"instances": [1]}'}, "`protocol` must be that of `request`"),
        ({"model": "/nowhere"}, "`model` must be an MLflow model directory"),
    ],
)
def test_bad_input_is_refused_by_name(model, changed, message):
    given = {"url": "http://127.0.0.1:1", "model": model} | changed
    with pytest.raises(InputError, match=message) as told:
        check(**given)
    assert "pass@" not in str(told.value)


def test_a_model_without_an_example_is_refused(tmp_path):
    model = model_at(tmp_path / "model", example=None)
    with pytest.raises(InputError, match="`model` must hold an input example"):
        check("http://127.0.0.1:1", model)
    (tmp_path / "model" / "input_example.json").write_text('{"columns": ["a"], "data": [[1, 2]]}')
    with pytest.raises(InputError, match=r"input_example\.json"):
        check("http://127.0.0.1:1", model)
