"""A small compiled pipeline, a server that speaks KFP's API, and the command line in process."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from kfp import compiler, dsl

from holdfast import ir
from holdfast.cli import main
from holdfast.commands import access as commands_access
from holdfast.kubeflow.api import Access, Patience
from holdfast.submit.pipelines import upload_of
from holdfast.submit.schedules import Schedule
from holdfast.submit.triggers import trigger
from tests.services.kfp_server import kfp_server
from tests.support import Result

QUICK = Patience(attempts=3, timeout=20, wait=0.01, settle=0.0, poll=0.02)
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dsl.component(base_image="python:3.11")
def first(uri: str) -> str:
    return uri


@dsl.component(base_image="python:3.11")
def second(text: str, trials: int):
    print(text, trials)


@dsl.pipeline(name="small")
def small(
    uri: str,
    trials: int = 30,
    rate: float = 0.5,
    tune: bool = False,
    columns: list = [],  # noqa: B006
    bounds: dict = {},  # noqa: B006
):
    second(text=first(uri=uri).output, trials=trials)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """The pipeline's YAML."""
    file = tmp_path_factory.mktemp("compiled") / "small.yaml"
    compiler.Compiler().compile(small, str(file))
    return file


@pytest.fixture
def changed(compiled, tmp_path):
    """The same pipeline after an edit."""
    file = tmp_path / "small.yaml"
    file.write_text(compiled.read_text().replace("30.0", "31.0"))
    return file


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch, tmp_path):
    """No endpoint and no credentials that the machine may have."""
    for name in ("KFP_ENDPOINT", "KFP_TOKEN", "KFP_COOKIE", "KUBERNETES_SERVICE_HOST",
                 "SSL_CERT_FILE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(commands_access, "NAMESPACE_FILE", tmp_path / "none")


@pytest.fixture
def kfp():
    with kfp_server() as server:
        yield server


@pytest.fixture
def reached(kfp):
    """How the server is reached, without waits."""
    return Access(kfp.url, patience=QUICK)


@dataclass
class CommandLine:
    """Calls the command line with the server's address and short waits."""

    url: str
    capsys: Any
    monkeypatch: Any

    def __call__(
        self, *arguments: Any, patience: Patience = QUICK, endpoint: bool = True
    ) -> Result:
        shown = {name: getattr(patience, name) for name in ("attempts", "wait", "settle", "poll")}
        self.monkeypatch.setattr(commands_access, "Patience", partial(Patience, **shown))
        where = ["--endpoint", self.url] if endpoint else []
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments), *where])
        out, err = self.capsys.readouterr()
        return Result(left.value.code, out, err)


@pytest.fixture
def cli(kfp, capsys, monkeypatch):
    return CommandLine(kfp.url, capsys, monkeypatch)


@pytest.fixture
def schedule(compiled):
    """Return a function from what differs to a schedule."""

    def make(file=None, cron="", every="", start="", end="", **more):
        upload = upload_of(ir.read(file or compiled))
        due = trigger(cron, every or ("" if cron else "1h"), start, end)
        return Schedule(**{"name": "hourly", "upload": upload, "parameters": {"uri": "s3://b/t"},
                           "trigger": due, **more})  # fmt: skip

    return make


def sent_to(kfp, path):
    """Return the bodies that a path was sent."""
    return [json.loads(body) for where, body in kfp.bodies if where == path and body]
