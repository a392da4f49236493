"""The predictor: both protocols on the real server, with a real model."""

import json
import shutil
import tempfile
import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import OrdinalEncoder

from holdfast.errors import InputError
from holdfast.model import feature_frame, load_model
from holdfast.performance.answers import output_of
from holdfast.serving.predictor import __main__
from holdfast.serving.predictor.protocols import Tensor, read_v1, read_v2
from holdfast.serving.predictor.quick import Codes, Numbers, Step, quicken
from holdfast.serving.predictor.served import load
from holdfast.serving.predictor.signature import Column, RequestError, Signature
from tests.serving import predictors
from tests.serving.predictors import V1, V2, expected, rows_of, serving, tensors


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A straight line through two columns of numbers, none of which may be missing."""
    folder = tmp_path_factory.mktemp("line")
    table = predictors.measures(folder / "table")
    return table, predictors.save(predictors.line(table), table, folder / "model")


@pytest.fixture(scope="module")
def line_server(line, tmp_path_factory):
    log = tmp_path_factory.mktemp("line-server") / "log"
    options = ["--max-bytes", "2000", "--max-rows", "20", "--model-version", "7"]
    with serving(line[1], log, *options, name="line") as running:
        yield running


def test_v1_answers_what_the_model_answers_to_the_last_bit(server, people):
    table, folder = people
    found = server.client.post(V1, json={"instances": rows_of(table)}).json()
    wanted = expected(folder, table)
    assert np.array_equal(np.array(found["probabilities"]), wanted.astype(float))
    assert found["classes"] == ["no", "yes"]
    assert found["predictions"] == [found["classes"][i] for i in wanted.argmax(axis=1)]


def test_v2_answers_what_the_model_answers_to_the_last_bit(server, people):
    table, folder = people
    found = server.client.post(V2, json=tensors(rows_of(table))).json()
    prediction, probabilities = found["outputs"]
    wanted = expected(folder, table)
    assert (prediction["name"], probabilities["name"]) == ("prediction", "probabilities")
    assert (prediction["shape"], prediction["datatype"]) == ([50], "BYTES")
    assert (probabilities["shape"], probabilities["datatype"]) == ([50, 2], "FP64")
    assert np.array_equal(np.reshape(probabilities["data"], (50, 2)), wanted.astype(float))
    assert json.loads(probabilities["parameters"]["classes"]) == ["no", "yes"]
    assert prediction["data"] == [["no", "yes"][i] for i in wanted.argmax(axis=1)]


@pytest.mark.parametrize("count", [1, 33, 400])
def test_one_row_a_few_and_many_are_answered_alike(count, server, people):
    table, folder = people
    rows = rows_of(table, count)
    found = server.client.post(V1, json={"instances": rows}).json()["probabilities"]
    assert np.array_equal(np.array(found), expected(folder, table, count).astype(float))


def test_rows_may_be_lists_in_the_order_of_the_signature(server, people):
    rows = rows_of(people[0], 5)
    lists = [list(row.values()) for row in rows]
    assert list(rows[0]) == list(load_model(people[1]).info.features)
    by_name, by_place = (
        server.client.post(V1, json={"instances": given}).json() for given in (rows, lists)
    )
    assert by_name == by_place


def test_tensors_may_be_columns_of_a_matrix(server, people):
    body = tensors(rows_of(people[0], 3))
    plain = server.client.post(V2, json=body).json()["outputs"]
    for tensor in body["inputs"]:
        tensor["shape"] = [3, 1]
        tensor["data"] = [[value] for value in tensor["data"]]
    assert server.client.post(V2, json=body).json()["outputs"] == plain


def test_one_tensor_may_hold_all_features(line_server, line):
    """As KServe's own servers of scikit-learn and XGBoost are asked."""
    rows = [list(row.values()) for row in rows_of(line[0], 20)]
    plain = line_server.client.post("/v1/models/line:predict", json={"instances": rows}).json()
    for data in (rows, [value for row in rows for value in row]):
        matrix = {"name": "input-0", "shape": [20, 2], "datatype": "FP64", "data": data}
        found = line_server.client.post("/v2/models/line/infer", json={"inputs": [matrix]}).json()
        assert found["outputs"][0]["data"] == plain["predictions"]


@pytest.mark.parametrize(
    "change",
    [{"shape": [2, 3]}, {"shape": [3, 2]}, {"shape": [0, 2], "data": []}, {"shape": [-2, 2]},
     {"data": [[1, 2], [3]]}, {"data": [[1, 2], 3]}, {"data": [[[1], 2], [3, 4]]},
     {"shape": [2, 10**30]}, {"datatype": "BYTES"}],
)  # fmt: skip
def test_one_tensor_of_another_shape_is_refused(change, line_server):
    matrix = {
        "name": "input-0",
        "shape": [2, 2],
        "datatype": "FP64",
        "data": [1, 2, 3, 4],
        **change,
    }
    found = line_server.client.post("/v2/models/line/infer", json={"inputs": [matrix]})
    assert found.status_code == 422, found.text


def test_a_tensor_of_another_name_is_not_taken_for_a_single_feature():
    signature = Signature((Column("age", "numbers"),), 100)
    height, age = (Tensor(name, [2, 1], "FP64", [[1.0], [2.0]]) for name in ("height", "age"))
    assert list(read_v2([age], signature)["age"]) == [1.0, 2.0]
    with pytest.raises(RequestError, match="age"):
        read_v2([height], signature)


def test_numbers_may_come_as_each_type_of_the_protocol(line_server):
    def answer(datatype, data):
        inputs = [
            {"name": name, "shape": [2], "datatype": datatype, "data": data} for name in ("x", "z")
        ]
        found = line_server.client.post("/v2/models/line/infer", json={"inputs": inputs}).json()
        return found["outputs"][0]["data"]

    wanted = answer("FP64", [1.0, 0.0])
    whole = [f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
    assert all(answer(datatype, [1, 0]) == wanted for datatype in (*whole, "FP32"))
    assert answer("BOOL", [True, False]) == wanted


def test_a_version_may_be_named_in_the_address(server, people):
    """The metadata lists it as one that may be asked for."""
    (version,) = server.client.get("/v2/models/people").json()["versions"]
    start = f"/v2/models/people/versions/{version}"
    body = tensors(rows_of(people[0], 2)) | {"id": "one"}
    found, plain = (server.client.post(address, json=body) for address in (f"{start}/infer", V2))
    assert found.status_code == 200
    assert found.json() == plain.json()
    assert server.client.get(start).json() == server.client.get("/v2/models/people").json()
    assert server.client.get(f"{start}/ready").json() == {"name": "people", "ready": True}


def test_a_missing_value_is_null(server, people):
    rows = [row for row in rows_of(people[0], 400) if None in row.values()]
    assert len(rows) > 10
    assert server.client.post(V1, json={"instances": rows}).status_code == 200
    assert server.client.post(V2, json=tensors(rows)).status_code == 200


def test_a_category_that_training_did_not_have_is_answered(server, people):
    row = rows_of(people[0], 1)[0] | {"city": "Atlantis"}
    assert server.client.post(V1, json={"instances": [row]}).status_code == 200


def test_a_time_of_a_zone_is_the_same_moment_in_utc(server, people):
    row = rows_of(people[0], 1)[0]
    there = row | {"since": "2021-05-01T02:30:00+05:00"}
    here = row | {"since": "2021-04-30T21:30:00"}
    one, other = (
        server.client.post(V1, json={"instances": [r]}).json()["probabilities"]
        for r in (there, here)
    )
    assert one == other


def test_a_regression_answers_numbers_without_probabilities(line_server, line):
    rows = rows_of(line[0], 20)
    found = line_server.client.post("/v1/models/line:predict", json={"instances": rows}).json()
    model = load_model(line[1])
    wanted = model.pipeline.predict(feature_frame(line[0].head(20), model.info.features))
    assert found["predictions"] == wanted.tolist()
    assert "probabilities" not in found


def test_answers_say_which_model_and_version_they_are_of(server, line_server, people, line):
    found = server.client.post(V1, json={"instances": rows_of(people[0], 1)}).json()
    described = (people[1] / "MLmodel").read_text()
    assert found["model_name"] == "people"
    assert found["model_version"] in described and len(found["model_version"]) == 12
    row = rows_of(line[0], 1)
    found = line_server.client.post("/v1/models/line:predict", json={"instances": row}).json()
    assert (found["model_name"], found["model_version"]) == ("line", "7")


def test_only_the_outputs_that_are_asked_for_are_answered(server, people):
    body = tensors(rows_of(people[0], 1)) | {"outputs": [{"name": "prediction"}]}
    assert [o["name"] for o in server.client.post(V2, json=body).json()["outputs"]] == [
        "prediction"
    ]
    body["outputs"][0]["name"] = "other"
    assert server.client.post(V2, json=body).status_code == 422


def test_metadata_lists_the_tensors(server):
    found = server.client.get("/v2/models/people").json()
    assert {i["name"]: i["datatype"] for i in found["inputs"]}["city"] == "BYTES"
    assert [o["shape"] for o in found["outputs"]] == [[-1], [-1, 2]]
    assert server.client.get("/v2").json()["name"] == "holdfast"


@pytest.mark.parametrize(
    "address",
    ["/", "/v1/models", "/v1/models/people", "/v2/health/live", "/v2/health/ready", "/v2/models",
     "/v2/models/people/ready"],
)  # fmt: skip
def test_health_and_lists_answer(address, server):
    assert server.client.get(address).status_code == 200


def test_nobody_can_unload_the_model(server, people):
    for address in ("/v2/repository/models/people/unload", "/v2/repository/models/people/load"):
        assert server.client.post(address).status_code == 404
    body = {"instances": rows_of(people[0], 1)}
    assert server.client.post(V1, json=body).status_code == 200


def test_a_value_that_the_model_needs_must_not_be_missing(line_server, line):
    row = rows_of(line[0], 1)[0] | {"z": None}
    refused = line_server.client.post("/v1/models/line:predict", json={"instances": [row]})
    assert refused.status_code == 422
    assert "'z' must have a value" in refused.json()["error"]


def test_a_request_without_rows_is_told_so(line_server, server):
    """XGBoost divides by the number of rows."""
    for running, address in ((line_server, "/v1/models/line:predict"), (server, V1)):
        refused = running.client.post(address, json={"instances": []})
        assert refused.status_code == 422
        assert refused.json()["kind"] == "no_rows"
    empty = tensors([])
    assert server.client.post(V2, json=empty).json()["kind"] == "no_rows"


def test_bounds_of_bytes_and_rows_can_be_set(line_server, line):
    row = {"x": 1, "z": 2}
    at_most, more = ({"instances": [row] * count} for count in (20, 21))
    assert line_server.client.post("/v1/models/line:predict", json=at_most).status_code == 200
    refused = line_server.client.post("/v1/models/line:predict", json=more)
    assert (refused.status_code, refused.json()["kind"]) == (413, "too_many_rows")
    padded = json.dumps(at_most) + " " * 2000
    json_type = {"content-type": "application/json"}
    refused = line_server.client.post("/v1/models/line:predict", content=padded, headers=json_type)
    assert (refused.status_code, refused.json()["kind"]) == (413, "too_large")


def test_a_request_keeps_its_id_and_gets_one_where_it_has_none(server, people):
    body = {"instances": rows_of(people[0], 1)}
    kept = server.client.post(V1, json=body, headers={"x-request-id": "order-17"})
    assert kept.headers["x-request-id"] == "order-17"
    made = {server.client.post(V1, json=body).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    unfit = server.client.post(V1, json=body, headers={"x-request-id": "a" * 500})
    assert len(unfit.headers["x-request-id"]) == 32
    refused = server.client.post(V1, json={}, headers={"x-request-id": "order-18"})
    assert refused.json()["request_id"] == refused.headers["x-request-id"] == "order-18"
    assert server.client.post(V2, json=tensors(body["instances"])).json()["id"]
    assert server.line(request_id="order-17")["status"] == 200
    assert server.line(request_id="order-18")["error"] == "wrong_shape"


def test_metrics_count_requests_rows_and_errors(server, people):
    ok = 'holdfast_requests_total{protocol="v1",status="200"}'
    wrong = 'holdfast_errors_total{kind="wrong_features"}'
    names = (ok, 'holdfast_rows_total{protocol="v1"}', wrong)
    before = [server.metric(name) for name in names]
    timed = server.metric('holdfast_request_seconds_count{protocol="v1"}')
    rows = rows_of(people[0], 7)
    assert server.client.post(V1, json={"instances": rows}).status_code == 200
    assert server.client.post(V1, json={"instances": [{"age": 1}]}).status_code == 422
    assert [server.metric(name) for name in names] == [before[0] + 1, before[1] + 7, before[2] + 1]
    assert server.metric('holdfast_request_seconds_count{protocol="v1"}') == timed + 2
    assert server.metric("holdfast_requests_in_flight") == 0
    assert server.metric("holdfast_ready") == 1


def test_a_log_line_tells_of_each_request(server, people):
    rows = rows_of(people[0], 3)
    server.client.post(V2, json=tensors(rows), headers={"x-request-id": "told"})
    told = server.line(request_id="told")
    assert (told["status"], told["protocol"], told["rows"]) == (200, "v2", 3)
    assert told["milliseconds"] > 0 and told["bytes"] > 100


def test_the_log_holds_no_value_of_a_feature(server, people):
    """Neither of rows that are answered, nor of those that are refused."""
    rows = rows_of(people[0], 2)
    canary, number = "canary-9f3b", 31415926.535
    for row in (
        rows[0] | {"city": canary, "age": number},
        rows[0] | {"since": canary},
        rows[0] | {"age": canary},
        rows[0] | {"city": [canary]},
        rows[0] | {"age": 1e308, "city": canary},
        rows[0] | {canary: number},
    ):
        server.client.post(V1, json={"instances": [row]})
        server.client.post(V2, json=tensors([row]))
    server.client.post(
        V1, content=f'{{"instances": {canary}', headers={"content-type": "application/json"}
    )
    server.client.post(V2, json={"inputs": canary})
    server.client.post(V2, json={"inputs": [{"name": canary}]})
    server.client.get(f"/v1/models/{canary}")
    log = server.log.read_text()
    assert canary not in log and "31415926" not in log
    assert server.client.post(V1, json={"instances": rows}).status_code == 200


def fragile(table, features="numeric: [{columns: [age], impute: median, polynomial: 2}]"):
    """Return a model whose features are infinite where the age is very large."""
    from sklearn.linear_model import LogisticRegression

    from holdfast.training.fit_transformer.logic import fit_transformer
    from holdfast.training.training_set import join_model, read_training_set

    transformer = fit_transformer(table, 1, features + "\nrest: drop")
    training_set = read_training_set(table, transformer)
    labels = np.array(training_set.classes, dtype=object)[training_set.target]
    fitted = LogisticRegression().fit(training_set.inputs, labels)
    return join_model(table, transformer, [("line", fitted)], training_set.classes)


@pytest.fixture(scope="module")
def fragile_model(people, tmp_path_factory):
    table = people[0]
    return predictors.save(fragile(table), table, tmp_path_factory.mktemp("fragile") / "model")


def test_a_number_that_the_model_cannot_take_is_the_requests_fault(fragile_model):
    served = load(fragile_model, "people")
    with pytest.raises(RequestError, match="can't answer these rows") as refused:
        served.answer(served.signature.table({"age": [1e300]}))
    assert (refused.value.status, refused.value.kind) == (422, "not_answerable")


def test_a_fallback_answers_where_the_model_cannot_and_says_so(fragile_model, tmp_path):
    good, bad = {"age": 30}, {"age": 1e300}
    tensor = {"name": "age", "shape": [1], "datatype": "FP64", "data": [1e300]}
    with serving(fragile_model, tmp_path / "log", "--fallback", "no") as running:
        whole = running.client.post(V1, json={"instances": [good]})
        found = running.client.post(V1, json={"instances": [bad, bad]})
        refused = running.client.post(V1, json={"instances": [{"age": "x"}]})
        tensored = running.client.post(V2, json={"inputs": [tensor]})
        assert running.metric('holdfast_fallbacks_total{kind="constant"}') == 2
        assert running.line(fallback="constant")["cause"] == "ValueError"
    assert "fallback" not in whole.json() and "x-holdfast-fallback" not in whole.headers
    assert found.status_code == 200
    assert found.json()["fallback"] == found.headers["x-holdfast-fallback"] == "constant"
    assert found.json()["predictions"] == ["no", "no"]
    assert "probabilities" not in found.json()
    assert refused.status_code == 422
    assert tensored.json()["parameters"] == {"fallback": "constant"}
    assert tensored.headers["x-holdfast-fallback"] == "constant"
    assert [output["data"] for output in tensored.json()["outputs"]] == [["no"]]


def test_a_second_model_can_be_the_fallback(fragile_model, people, tmp_path):
    # This one has bins for numbers of any size.
    second = fragile(people[0], "numeric: [{columns: [age], impute: median, bins: 4}]")
    folder = predictors.save(second, people[0], tmp_path / "second")
    served = load(fragile_model, "people", fallback=str(folder))
    rows = served.signature.table({"age": [1e300, 20.0]})
    found = served.answer(rows)
    wanted = output_of(second, feature_frame(rows, ["age"]))
    assert found.fallback == "model"
    assert found.probabilities == wanted.tolist()
    assert served.answer(rows.slice(1)).fallback == ""


def test_a_second_model_that_reads_other_features_is_refused(fragile_model, people):
    with pytest.raises(InputError, match="reads features of `model-dir` alone"):
        load(fragile_model, "people", fallback=str(people[1]))


@pytest.mark.parametrize("fallback", ["maybe", "3"])
def test_a_fallback_that_is_no_class_is_refused(fallback, people):
    with pytest.raises(InputError, match="one of the classes"):
        load(people[1], "people", fallback=fallback)


def test_a_model_of_this_machine_needs_no_temporary_folder(people, monkeypatch):
    """A pod's root may be read-only."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    options = __main__.parser().parse_args([f"--model-dir={people[1]}"])
    assert __main__.load(options).name == "model"


def test_an_address_that_cannot_be_had_is_refused(server):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(InputError, match=f"port {port}: Address already in use. Choose"):
        __main__.bind("127.0.0.1", port)
    with pytest.raises(InputError, match="`host` and `port` must be"):
        __main__.bind("192.0.2.1", 0)


def test_the_first_lines_say_what_is_loaded_and_where_it_is_asked(server, people):
    (loading,), (ready,) = server.lines("loading"), server.lines("ready")
    assert loading["model"] == str(people[1])
    assert (ready["v1"], ready["v2"]) == (server.url + V1, server.url + V2)
    assert ready["model"] == "people" and len(ready["version"]) == 12


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="`model-dir` must be an MLflow model directory"):
        load(tmp_path, "people")


def test_a_model_that_does_not_answer_its_example_never_gets_ready(fragile_model, tmp_path):
    folder = shutil.copytree(fragile_model, tmp_path / "model")
    example = json.loads((folder / "input_example.json").read_text())
    example["data"][0] = [1e300]
    (folder / "input_example.json").write_text(json.dumps(example))
    with pytest.raises(InputError, match="answers its own input example"):
        load(folder, "people")


def test_a_registered_version_is_served_under_its_name_and_number(people, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/store.db")
    client = MlflowClient()
    client.create_registered_model("shop")
    version = client.create_model_version("shop", str(people[1]))
    client.set_registered_model_alias("shop", "champion", version.version)
    for options, name in (([], "shop"), (["--model-name", "till", "--version", "1"], "till")):
        told = __main__.parser().parse_args(["--registered", "shop", *options])
        served = __main__.load(told)
        assert (served.name, served.version) == (name, "1")
        assert served.classes == ("no", "yes")


def test_the_quick_way_through_the_transformer_is_taken_and_is_the_same(people):
    table, folder = people
    served = load(folder, "people")
    assert {type(part) for part in served.quick.parts} == {Numbers, Codes, Step}
    rows = served.signature.table(read_v1({"instances": rows_of(table, 400)}, served.signature))
    wanted = output_of(served.model, feature_frame(rows, served.model.info.features))
    assert np.array_equal(served.quick.output(rows), wanted)
    alone = [served.quick.output(rows.slice(place, 1)) for place in range(50)]
    assert np.array_equal(np.concatenate(alone), wanted[:50])


@pytest.mark.parametrize("known", [["Rom"] * 9 + ["Ulm", "Bern"], ["Rom"] * 9 + ["Ulm", None]])
@pytest.mark.parametrize(
    "more",
    [
        {"unknown_value": -1},
        {"unknown_value": -1, "min_frequency": 5},
        {"unknown_value": -1, "encoded_missing_value": -2, "dtype": np.int16},
        {"unknown_value": np.nan},
    ],
)
def test_codes_are_those_of_the_encoder(known, more):
    columns = ["city", "town"]
    given = pa.table({"city": known, "town": ["Łódź", *known[1:]]})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", **more)
    if None in known and more.get("dtype"):
        encoder.set_params(encoded_missing_value=-2)
    encoder.fit(feature_frame(given, columns))
    texts = [*dict.fromkeys(known), "Łódź", None, "", "nan", "Rom ", "Bern?"]
    asked = pa.table({"city": pa.array(texts, pa.string()), "town": pa.array(texts[::-1])})
    found = Codes(encoder, columns).matrix(asked)
    wanted = encoder.transform(feature_frame(asked, columns))
    assert (found.dtype, found.strides) == (wanted.dtype, wanted.strides)
    assert np.array_equal(found, wanted, equal_nan=True)


class Neighbours(OrdinalEncoder):
    """What it makes of a text depends on the other rows."""

    def transform(self, rows):
        found = super().transform(rows)
        return found + len(found)


def refusing(encoder):
    encoder.set_params(handle_unknown="error", unknown_value=None)


def contextual(encoder):
    encoder.__class__ = Neighbours


@pytest.mark.parametrize("spoil", [refusing, contextual])
def test_a_step_that_does_not_bear_the_quick_way_goes_the_usual_one(people, spoil):
    model, rows = load_model(people[1]), people[0].head(3)
    assert quicken(model, [rows])
    (encoder,) = (
        step for _, step, _ in model.pipeline[0].transformers_ if isinstance(step, OrdinalEncoder)
    )
    spoil(encoder)
    assert quicken(model, [rows]) is None


def test_a_row_is_answered_alike_while_a_large_batch_is_scored(server, people):
    rows = rows_of(people[0], 400)
    alone = server.client.post(V1, json={"instances": rows[:1]}).json()
    large = []
    thread = threading.Thread(
        target=lambda: large.append(server.client.post(V1, json={"instances": rows * 20}))
    )
    thread.start()
    while not large:
        assert server.client.post(V1, json={"instances": rows[:1]}).json() == alone
    thread.join()
    wanted = expected(people[1], people[0], 400)
    assert np.array_equal(np.array(large[0].json()["probabilities"]), np.tile(wanted, (20, 1)))


def test_probes_are_answered_while_a_large_batch_is_scored(server, people):
    rows = rows_of(people[0], 400) * 20
    thread = threading.Thread(
        target=lambda: server.client.post(V1, json={"instances": rows}, timeout=60)
    )
    thread.start()
    time.sleep(0.05)
    assert server.client.get("/v2/health/ready").status_code == 200
    thread.join()
