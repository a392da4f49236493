"""Secrets are in nothing that a step prints or writes, where it succeeds and where it is refused.

Each is a canary in the variable that a component reads. Whoever is asked is a real server that
refuses the login, and says in its answer all that it was sent, as proxies do that were left in
debugging; or nobody, where the host is wrong.
"""

import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.monitoring.receivers import http_receiver
from tests.security.test_planted_pickles import components_of
from tests.support import ROOT, family_python

CANARY = "c4n4ry-7f3b9e"
NOBODY = "127.0.0.1:9"
PASSWORDS = {
    "AWS_ACCESS_KEY_ID": f"{CANARY}-aws-id",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-aws-secret",
    "AWS_SESSION_TOKEN": f"{CANARY}-aws-session",
    "PGPASSWORD": f"{CANARY}-pg",
    "KFP_TOKEN": f"{CANARY}-kfp",
    "HOLDFAST_ENDPOINT_TOKEN": f"{CANARY}-endpoint",
    "ENDPOINT_TOKEN": f"{CANARY}-endpoint",
    "HOOK_TOKEN": f"{CANARY}-hook",
    "SMTP_PASSWORD": f"{CANARY}-smtp",
    "SMTP_USER": "user",
    "MLFLOW_TRACKING_PASSWORD": f"{CANARY}-mlflow",
    "MLFLOW_TRACKING_USERNAME": "user",
}


@dataclass(frozen=True)
class Step:
    """A component, what it is told, and the variables beside the passwords; `{echo}` is a host."""

    family: str
    name: str
    parameters: dict
    variables: dict = field(default_factory=dict)
    given: dict = field(default_factory=dict)


RULES = """
channels: {out: %s}
rules: [{name: bad, severity: warning, when: {verdict: verdict, decision: [fail]},
         message: "$reasons", channels: [out]}]
"""
SLACK = RULES % "{kind: slack, url_env: SLACK_WEBHOOK_URL}"
HOOK = RULES % "{kind: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN}"
MAIL = RULES % (
    "{kind: email, server_env: SMTP_SERVER, user_env: SMTP_USER, password_env: SMTP_PASSWORD,"
    " sender: a@b.org, to: [c@d.org]}"
)
V1 = '{"instances": [{"x": 1}]}'


def alert(rules: str, **variables: str) -> Step:
    told = {"rules": rules, "name": "model", "window": "2026-11-21", "remember": False}
    return Step("monitoring", "send_alert", told, variables, {"verdict": "verdict"})


def endpoint(host: str) -> Step:
    told = {
        "url": f"http://{host}",
        "model_name": "m",
        "request": V1,
        "protocol": "v1",
        "retries": 0,
    }
    return Step("deployment", "check_endpoint", told)


def steps(host: str) -> dict[str, Step]:
    """Return every place where a secret is used, with whom it is sent to."""
    run = {"pipeline": "p", "window": "2026-11-21", "endpoint": f"http://{host}"}
    study = {"HOLDFAST_STUDY_STORAGE": f"postgresql://user:{CANARY}@{host}/studies"}
    server = {"MLFLOW_TRACKING_URI": f"http://user:{CANARY}@{host}",
              "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}  # fmt: skip
    plain = {**server, "MLFLOW_TRACKING_URI": f"http://{host}"}
    champion = {"model_name": "m", "version": 1}
    return {
        "store": Step("data", "ingest_table", {"uri": "s3://b/k.csv"},
                      {"HOLDFAST_S3_ENDPOINT": f"http://{host}"}),
        "store named with its user": Step(
            "data", "fetch_artifact", {"uri": "s3://b/k.csv"},
            {"HOLDFAST_S3_ENDPOINT": f"http://user:{CANARY}@{host}"}),
        "database": Step("data", "ingest_table",
                         {"uri": f"postgresql://user@{host}/db", "query": "SELECT 1"}),
        "password in a uri": Step(
            "data", "ingest_table",
            {"uri": f"postgresql://user:{CANARY}@{host}/db", "query": "SELECT 1"}),
        "password in a query": Step(
            "data", "ingest_table",
            {"uri": f"postgresql://user@{host}/db?password={CANARY}", "query": "SELECT 1"}),
        "address of the web": Step("data", "ingest_table",
                                   {"uri": f"http://user:{CANARY}@{host}/t.csv"}),
        "signed address": Step("data", "ingest_table",
                               {"uri": f"http://{host}/t.csv?X-Amz-Signature={CANARY}"}),
        "study": Step("training", "tune_hyperparameters", {"n_trials": 1}, study,
                      {"train": "train", "transformer": "transformer"}),
        "registry": Step("registry", "report_version", champion, server),
        "registry by variables": Step("registry", "report_version", champion, plain),
        "slack": alert(SLACK, SLACK_WEBHOOK_URL=f"http://{host}/services/{CANARY}"),
        "webhook": alert(HOOK, HOOK_URL=f"http://{host}/hook?key={CANARY}"),
        "mail": alert(MAIL, SMTP_SERVER=host),
        "pipelines": Step("monitoring", "trigger_run", run),
        "endpoint": endpoint(host),
    }  # fmt: skip


class Echo(BaseHTTPRequestHandler):
    """Refuses everybody, and says what it was sent."""

    def answer(self) -> None:
        """Answer 401 with the request line and all headers."""
        said = f"{self.requestline}\n{self.headers}"
        body = json.dumps(
            {"error": said, "message": said, "error_code": "UNAUTHENTICATED"}
        ).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = answer  # noqa: N815  # of the library

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def components():
    families = ("data", "training", "registry", "monitoring", "deployment")
    return {c["name"]: c for family in families for c in components_of(family)}


@pytest.fixture(scope="module")
def verdict(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("verdict") / "verdict"
    reason = dict.fromkeys(("code", "subject", "observed", "expected", "message"), "x")
    path.write_text(json.dumps({"decision": "fail", "reasons": [reason]}))
    return path


def run(step: Step, component: dict, folder: Path, verdict: Path) -> subprocess.CompletedProcess:
    """Run a step with all passwords in its environment."""
    folder.mkdir()
    given = {name: str(verdict if name == "verdict" else folder / path)
             for name, path in step.given.items()}  # fmt: skip
    document = {**component, "parameters": step.parameters, "given": given}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MLFLOW_", "KUBE"))}
    return subprocess.run(
        [family_python(step.family), "-W", "ignore", "-m", "tests.security.step", folder],
        input=json.dumps(document), capture_output=True, text=True, timeout=600,
        env={**kept, **PASSWORDS, **step.variables, "_KFP_RUNTIME": "true",
             "PYTHONPATH": str(ROOT), "HOME": str(folder)},
    )  # fmt: skip


def leaks(folder: Path, done: subprocess.CompletedProcess) -> list[str]:
    """Return where a canary is: in a file, a file's name, or in what was printed."""
    found = [name for name in ("stdout", "stderr") if CANARY in getattr(done, name)]
    for file in folder.rglob("*"):
        # Spelled out or as Basic authentication has it, a canary is one.
        if CANARY in str(file) or (file.is_file() and CANARY.encode() in file.read_bytes()):
            found.append(str(file.relative_to(folder)))
    return found


PLACES = sorted(steps(NOBODY))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("who", ["refused", "nobody"])
def test_a_secret_is_nowhere_when_its_use_fails(place, who, echo, components, verdict, tmp_path):
    step = steps(echo if who == "refused" else NOBODY)[place]
    done = run(step, components[step.name], tmp_path / "step", verdict)
    assert leaks(tmp_path / "step", done) == [], done.stderr[-1500:]
    # Told in words, or written as a verdict.
    assert "Traceback" not in done.stderr, done.stderr[-1500:]


def test_a_secret_is_nowhere_when_its_use_succeeds(components, verdict, tmp_path):
    with http_receiver() as receiver:
        host = receiver.url.removeprefix("http://").rstrip("/")
        step = steps(host)["webhook"]
        done = run(step, components[step.name], tmp_path / "step", verdict)
        assert done.returncode == 0, done.stderr[-1500:]
        assert any(CANARY in str(r) for r in receiver.requests)
    assert leaks(tmp_path / "step", done) == []
