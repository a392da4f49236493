"""MLflow or MinIO down in the middle of a registration, a promotion or a rollback.

Each step is a process of the registry family against servers behind gates. Whatever happens, no
alias is on a version whose files are missing, and the step that is run again succeeds.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import everything
from tests.runs.test_services import ask
from tests.services import servers
from tests.services.gate import Gate, gate_to
from tests.support import Result, family_python

pytestmark = [pytest.mark.minio, pytest.mark.mlflow]
MLMODEL = """\
flavors: {python_function: {loader_module: mlflow.sklearn, model_path: model.skops}}
metadata: {holdfast_contract: model/1}
model_uuid: 0123456789abcdef0123456789abcdef
"""
PROGRAM = """
import json, sys
from holdfast.registry import ledger
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Verdict

ledger.PATIENCE = 1
what, name, *more = sys.argv[1:]
if what == "register":
    done = register(more[0], name, "challenger", {"auc": 0.9}, Origin(run_key=more[1]))
elif what == "promote":
    done = promote(Promotion(name), Verdict("pass"))
else:
    done = roll_back(name, "Complaints.", -1, "champion", *more)
print(json.dumps(done.version))
"""
CREATE, ALIAS = "POST .*/model-versions/create", "POST .*/registered-models/alias"
STATE = "POST .*/model-versions/set-tag"


@dataclass(frozen=True)
class Services:
    """MLflow behind a gate, with its artifacts in a MinIO behind another."""

    address: str
    mlflow: Gate
    minio: Gate
    model: Path

    def run(self, *arguments: str) -> Result:
        """Run a step of the registry."""
        variables = {
            "PATH": "/usr/bin:/bin",
            "MLFLOW_TRACKING_URI": self.mlflow.address,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
            "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        }
        command = [family_python("registry"), "-c", PROGRAM, *arguments]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        return Result(done.returncode, done.stdout, done.stderr)

    def register(self, name: str, key: str = "run-1") -> Result:
        """Register the model."""
        return self.run("register", name, str(self.model), key)

    def alias(self, name: str, alias: str) -> int:
        """Return the version that carries an alias, 0 for none."""
        found = ask(self.address, f"registered-models/get?name={name}")["registered_model"]
        return next((int(a["version"]) for a in found.get("aliases", []) if a["alias"] == alias), 0)

    def versions(self, name: str) -> list[dict]:
        """Return the versions of a model, or the records of a ledger, as they are."""
        found = ask(self.address, f"model-versions/search?filter=name%3D%27{name}%27")
        return sorted(found.get("model_versions", []), key=lambda v: int(v["version"]))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Run servers of our own, which end after the module, behind gates."""
    if everything.minio() is None:
        pytest.skip("no MinIO server program: go install github.com/minio/minio@latest")
    folder = tmp_path_factory.mktemp("outages")
    for name in ("minio", "mlflow", "model"):
        (folder / name).mkdir()
    (folder / "model" / "MLmodel").write_text(MLMODEL)
    (folder / "model" / "model.skops").write_bytes(b"trees" * 10_000)
    with pytest.MonkeyPatch.context() as patch, servers.object_store(folder / "minio") as store:
        # The server's own client of S3 gives up sooner than by its default.
        patch.setenv("AWS_MAX_ATTEMPTS", "2")
        with gate_to(store.endpoint) as minio:
            behind = servers.ObjectStore(minio.address, store.access_key, store.secret_key)
            with (
                servers.mlflow_server(folder / "mlflow", behind) as address,
                gate_to(address) as mlflow,
            ):
                yield Services(address, mlflow, minio, folder / "model")


@pytest.fixture
def services(running):
    """Return servers that can be reached."""
    yield running
    running.mlflow.open()
    running.minio.open()


def answer(result: Result) -> int:
    assert result.code == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def refused(result: Result, match: str) -> None:
    assert result.code == 3, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("MachineError: ")
    assert match in last


def test_minio_that_dies_between_two_files_leaves_no_version_and_a_second_try_succeeds(services):
    services.minio.close_at("^PUT ", "down", skip=1)
    refused(services.register("half"), "and its artifact store must answer")
    assert services.versions("half") == []
    services.minio.open()
    assert answer(services.register("half")) == 1
    assert services.alias("half", "challenger") == 1


def test_a_file_whose_upload_breaks_off_is_sent_again(services):
    services.minio.close_at("^PUT ", "request lost")
    assert answer(services.register("broken")) == 1


def test_mlflow_that_dies_before_the_version_is_made_leaves_none(services):
    services.mlflow.close_at(CREATE, "down")
    refused(services.register("gone"), f"MLflow at {services.mlflow.address} must answer")
    assert services.versions("gone") == []
    services.mlflow.open()
    assert answer(services.register("gone")) == 1


def test_mlflow_that_dies_before_the_alias_moves_is_made_up_for_by_a_second_try(services):
    services.mlflow.close_at(ALIAS, "down")
    refused(services.register("late"), "must answer")
    assert (len(services.versions("late")), services.alias("late", "challenger")) == (1, 0)
    services.mlflow.open()
    assert answer(services.register("late")) == 1
    assert services.alias("late", "challenger") == 1


def test_an_answer_that_is_lost_makes_no_second_version(services):
    services.mlflow.close_at(CREATE, "answer lost")
    assert answer(services.register("twice")) == 1
    assert [v["version"] for v in services.versions("twice")] == ["1"]
    assert services.alias("twice", "challenger") == 1


@pytest.fixture(scope="module")
def champion(running):
    """Register two versions, of which the first one is champion, and return the model's name."""
    answer(running.register("live", "run-1"))
    assert answer(running.run("promote", "live")) == 1
    answer(running.register("live", "run-2"))
    return "live"


def test_minio_down_stops_a_promotion_before_it_is_claimed(champion, services):
    services.minio.close_at(".", "down")
    refused(services.run("promote", champion), "and its artifact store must answer")
    assert services.alias(champion, "champion") == 1
    assert len(services.versions(f"{champion}.champions")) == 1


def test_mlflow_that_dies_before_a_promotion_moves_the_alias_is_settled_by_a_second_try(
    champion, services
):
    services.mlflow.close_at(ALIAS, "down")
    refused(services.run("promote", champion), "must answer")
    assert services.alias(champion, "champion") == 1
    services.mlflow.open()
    assert answer(services.run("promote", champion)) == 2
    assert services.alias(champion, "champion") == 2
    assert states(services, champion) == ["done", "lost", "done"]


def test_minio_down_stops_a_rollback(champion, services):
    services.minio.close_at(".", "down")
    refused(services.run("roll back", champion), "and its artifact store must answer")
    assert services.alias(champion, "champion") == 2


def test_mlflow_that_dies_once_a_rollback_moved_the_alias_is_no_reason_to_go_further_back(
    champion, services
):
    services.mlflow.close_at(STATE, "down")
    refused(services.run("roll back", champion, "run-3"), "must answer")
    assert services.alias(champion, "champion") == 1
    assert states(services, champion)[-1] == "claimed"
    services.mlflow.open()
    assert answer(services.run("roll back", champion, "run-3")) == 1
    assert services.alias(champion, "champion") == 1
    assert states(services, champion) == ["done", "lost", "done", "done"]


def test_a_promotion_whose_answer_is_lost_wins_against_itself(services):
    answer(services.register("self"))
    services.mlflow.close_at(CREATE, "answer lost")
    assert answer(services.run("promote", "self")) == 1
    assert services.alias("self", "champion") == 1
    assert states(services, "self") == ["done", "lost"]


def states(services: Services, name: str) -> list[str]:
    """Return the states of a ledger's records in order."""
    records = services.versions(f"{name}.champions")
    return [next(t["value"] for t in r["tags"] if t["key"] == "state") for r in records]
