"""A server that answers in vain, and a store of artifacts that MLflow's client does not reach."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from holdfast.errors import InputError, MachineError
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import register
from holdfast.registry.report_version.logic import find
from holdfast.verdict import Verdict


@pytest.fixture
def no_store(client, monkeypatch):
    """Keep artifacts in a bucket of a store that nobody runs."""
    # Port 9 is that of the discard service.
    monkeypatch.setenv("HOLDFAST_S3_ENDPOINT", "http://127.0.0.1:9")
    for name, value in {
        "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "MLFLOW_EXPERIMENT_NAME": "far",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return client.create_experiment("far", artifact_location="s3://models/far")


def test_a_store_that_does_not_answer_fails_the_whole_registration(no_store, client, model):
    with pytest.raises(MachineError, match=r"and its artifact store must answer.*127\.0\.0\.1:9"):
        register(model, "churn", "challenger", {})
    assert client.search_model_versions("name = 'churn'") == []
    (run,) = client.search_runs([no_store])
    assert run.info.status == "FAILED"
    (logged,) = client.search_logged_models([no_store])
    assert logged.status == "FAILED"


def test_its_credentials_are_not_told(no_store, client, model):
    with pytest.raises(MachineError) as told:
        register(model, "churn", "challenger", {})
    assert "hunter2" not in str(told.value)


def test_no_alias_moves_to_a_version_in_a_store_that_does_not_answer(no_store, client):
    logged = client.create_logged_model(no_store, name="churn")
    client.create_registered_model("churn")
    client.create_model_version(
        "churn", f"models:/{logged.model_id}", model_id=logged.model_id, tags={}
    )
    with pytest.raises(MachineError, match="and its artifact store must answer"):
        promote(Promotion("churn", version=1), Verdict("pass"))
    assert client.get_registered_model("churn").aliases == {}


ANSWERS = {
    "busy": (503, "text/html", "<html>Upstream is away</html>", MachineError, "503"),
    "too many": (429, "application/json", "{}", MachineError, "429"),
    "broken": (
        500, "application/json", '{"error_code": "INTERNAL_ERROR", "message": "Broken."}',
        MachineError, "Broken|500",
    ),
    "not allowed": (
        403, "application/json", '{"error_code": "PERMISSION_DENIED", "message": "Not yours."}',
        InputError, "PERMISSION_DENIED: Not yours",
    ),
    "login": (401, "text/html", "<html>Log in</html>", InputError, "401"),
    "another server": (404, "text/html", "<html>Nothing</html>", InputError, "404"),
    "a page": (200, "text/html", "<html>Welcome</html>", InputError, "Found: "),
}  # fmt: skip


@pytest.mark.parametrize("how", ANSWERS)
def test_a_server_that_cannot_is_told_from_one_that_will_not(how, monkeypatch):
    status, kind, body, error, found = ANSWERS[how]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(error, match=f"MLflow at {uri} must .*({found})"):
            find("churn", 1, "")
        server.shutdown()
