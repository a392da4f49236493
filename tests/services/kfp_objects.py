"""What a stand-in for Kubeflow Pipelines keeps, and how it answers lists and refuses.

As KFP's: filters and their columns, pages with tokens, unique names without regard to case,
creation times in whole seconds, and checks of what it is given. A kind of object is one entry of
KINDS.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import kfp_server_api

MOST = 200


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Kind:
    """A kind of object: its model and id in kfp-server-api, and the columns it is filtered by."""

    model: str
    identity: str
    columns: dict[str, str]
    plural: str = ""


NAMED = {"name": "display_name", "display_name": "display_name", "created_at": "created_at"}
KINDS = {
    "pipelines": Kind("V2beta1Pipeline", "pipeline_id", {**NAMED, "name": "name"}),
    "pipeline_versions": Kind(
        "V2beta1PipelineVersion", "pipeline_version_id", {**NAMED, "name": "name"}
    ),
    "experiments": Kind("V2beta1Experiment", "experiment_id", NAMED),
    "runs": Kind(
        "V2beta1Run",
        "run_id",
        {**NAMED, "state": "state", "storage_state": "storage_state",
         "description": "description", "experiment_id": "experiment_id",
         "recurring_run_id": "recurring_run_id", "scheduled_at": "scheduled_at"},
    ),
    "recurring_runs": Kind(
        "V2beta1RecurringRun",
        "recurring_run_id",
        {**NAMED, "description": "description", "recurring_run_id": "recurring_run_id"},
        "recurringRuns",
    ),
}  # fmt: skip


@dataclass
class Fault:
    """Let the next `times` calls of a method to a path (a regular expression) fail.

    `status` is answered; without one the connection is closed, or after a while if it `hangs`.
    `after` says that the call was carried out all the same; `skip` calls pass first.
    """

    method: str
    path: str
    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hangs: bool = False
    after: bool = False
    times: int = 1
    skip: int = 0


@dataclass
class KFP:
    """A running server; the tests may look into it, and change what it holds.

    With a `token` it wants that one, with a `cookie` that session; in `forbidden` namespaces nobody
    may do anything. `clock` stands still where it is set. `tells_due`: a run by a schedule says for
    when it was due; else when it was made, as KFP says of runs that its controller asks it for.
    """

    url: str = ""
    token: str = ""
    cookie: str = ""
    multi_user: bool = False
    forbidden: tuple[str, ...] = ()
    clock: datetime | None = None
    tells_due: bool = True
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[tuple[str, str]] = field(default_factory=list)
    objects: dict[str, list[Any]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    namespaces: dict[str, str] = field(default_factory=dict)
    triggered: dict[str, datetime] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    before_create: Callable[[], None] = lambda: None

    @property
    def runs(self) -> list[Any]:
        return self.objects["runs"]

    @property
    def recurring(self) -> list[Any]:
        return self.objects["recurring_runs"]

    def now(self) -> datetime:
        return (self.clock or datetime.now(UTC)).replace(microsecond=0)

    def add_pipeline(
        self, name: str, spec: dict[str, Any], version: str = "v1", namespace: str = ""
    ) -> Any:
        """Upload a version of a pipeline, and the pipeline if it is new."""
        found = [p for p in self.objects["pipelines"] if p.name == name]
        pipeline = found[0] if found else self.add("pipelines", namespace, name=name,
                                                   display_name=name)  # fmt: skip
        return self.add(
            "pipeline_versions", namespace, pipeline_id=pipeline.pipeline_id, name=version,
            display_name=version, pipeline_spec=spec,
        )  # fmt: skip

    def add(self, kind: str, namespace: str = "", /, **fields: Any) -> Any:
        """Store an object with a new id."""
        of = KINDS[kind]
        fields = {"created_at": self.now(), **fields}
        made = getattr(kfp_server_api, of.model)(**{of.identity: str(uuid.uuid4()), **fields})
        with self.lock:
            self.objects[kind].append(made)
            self.namespaces[getattr(made, of.identity)] = namespace
        return made

    def finish(self, run_id: str, state: str) -> None:
        """Let a run end."""
        self.get("runs", run_id).state = state

    def get(self, kind: str, identity: str) -> Any:
        found = [o for o in self.objects[kind] if getattr(o, KINDS[kind].identity) == identity]
        if not found:
            raise RefusedError(404, f"ResourceNotFoundError: {kind} {identity} not found")
        return found[0]

    def list(self, kind: str, query: dict[str, str], where: dict[str, str] | None = None) -> Any:
        """Return one page."""
        size = min(int(query.get("page_size") or 20), MOST)
        asked = {name: query.get(name, "") for name in ("filter", "sort_by", "namespace")}
        start = 0
        said = kind == "pipelines" or where or query.get("namespace") or query.get("experiment_id")
        if self.multi_user and not said:
            raise RefusedError(400, "A namespace cannot be empty in multi-user mode")
        if token := query.get("page_token"):
            start, before = json.loads(base64.b64decode(token))
            if before != asked:
                raise RefusedError(400, "page token does not match the supplied sort by")
        with self.lock:
            found = [o for o in self.objects[kind] if self._meant(kind, o, query, where or {})]
        column, _, order = (query.get("sort_by") or "created_at").partition(" ")
        # Of the same second the later one counts as newer.
        found.sort(key=lambda o: getattr(o, _column(kind, column)))
        found = found[::-1] if order == "desc" else found
        end = start + size
        token = base64.b64encode(json.dumps([end, asked]).encode()).decode()
        return {
            KINDS[kind].plural or kind: found[start:end],
            "total_size": len(found),
            "next_page_token": token if end < len(found) else "",
        }

    def _meant(self, kind: str, item: Any, query: dict[str, str], where: dict[str, str]) -> bool:
        identity = getattr(item, KINDS[kind].identity)
        # An experiment says in which namespace it is.
        within = (
            query.get("experiment_id") or query.get("namespace", "") == self.namespaces[identity]
        )
        if not within:
            return False
        wanted = {**where, **{k: query[k] for k in ("experiment_id",) if query.get(k)}}
        if any(getattr(item, name) != value for name, value in wanted.items()):
            return False
        predicates = json.loads(query.get("filter") or "{}").get("predicates", [])
        return all(_holds(kind, item, predicate) for predicate in predicates)

    def create_experiment(self, body: Any) -> Any:
        with self.lock:
            self.check_name("experiments", "display_name", body.display_name, body.namespace or "")
            return self.add("experiments", body.namespace or "", display_name=body.display_name,
                            namespace=body.namespace, storage_state="AVAILABLE")  # fmt: skip

    def check_name(self, kind: str, column: str, name: str, namespace: str) -> None:
        """Refuse a name that the namespace has, in any case."""
        for item in self.objects[kind]:
            within = self.namespaces[getattr(item, KINDS[kind].identity)] == namespace
            if within and getattr(item, column).lower() == name.lower():
                raise RefusedError(409, f"The name {name} already exists")

    def create_run(self, body: Any) -> Any:
        self.before_create()
        if not body.display_name:
            raise RefusedError(400, "Failed to validate the run")
        experiment = self.runnable(body)
        now = self.now()
        return self.add(
            "runs", self.namespaces[experiment.experiment_id], display_name=body.display_name,
            description=body.description, experiment_id=experiment.experiment_id,
            pipeline_version_reference=body.pipeline_version_reference,
            pipeline_spec=body.pipeline_spec, runtime_config=body.runtime_config,
            state="PENDING", storage_state="AVAILABLE", scheduled_at=now,
        )  # fmt: skip

    def runnable(self, body: Any) -> Any:
        """Return the experiment of what is to run; refuse what could not be run."""
        reference = body.pipeline_version_reference
        if (reference is None) == (body.pipeline_spec is None):
            raise RefusedError(400, "InvalidInputError: one of a pipeline spec and a version")
        spec = body.pipeline_spec
        if reference is not None:
            version = self.get("pipeline_versions", reference.pipeline_version_id)
            if version.pipeline_id != reference.pipeline_id:
                raise RefusedError(400, "Failed to validate the pipeline's version")
            spec = version.pipeline_spec
        check_inputs(spec, (body.runtime_config and body.runtime_config.parameters) or {})
        experiment = self.get("experiments", body.experiment_id)
        if experiment.storage_state == "ARCHIVED":
            raise RefusedError(400, "FailedPreconditionError: the experiment is archived")
        return experiment

    def store(self, kind: str, identity: str, state: str) -> Any:
        """Archive, or take out of the archive."""
        self.get(kind, identity).storage_state = state
        return {}

    def remove(self, kind: str, identity: str) -> Any:
        with self.lock:
            self.objects[kind].remove(self.get(kind, identity))
        return {}

    def terminate(self, run_id: str) -> Any:
        run = self.get("runs", run_id)
        if run.state not in ("PENDING", "RUNNING"):
            raise RefusedError(400, f"Cannot terminate a run that is {run.state}")
        run.state = "CANCELED"
        return {}


def _column(kind: str, key: str) -> str:
    if key not in KINDS[kind].columns:
        raise RefusedError(400, f"no support for filtering on unrecognized field {key!r}")
    return KINDS[kind].columns[key]


OPERATIONS = {1: "EQUALS", 2: "NOT_EQUALS", 8: "IN", 9: "IS_SUBSTRING"}


def _holds(kind: str, item: Any, predicate: dict[str, Any]) -> bool:
    found = str(getattr(item, _column(kind, predicate["key"])) or "")
    value = predicate.get("stringValue", predicate.get("string_value", ""))
    values = predicate.get("stringValues", {}).get("values", [])
    # MySQL's usual collation knows no case.
    tests = {
        "EQUALS": lambda: found.lower() == value.lower(),
        "NOT_EQUALS": lambda: found.lower() != value.lower(),
        "IS_SUBSTRING": lambda: value.lower() in found.lower(),
        "IN": lambda: found in values,
    }
    # KFP's own client gives the number of the operation.
    operation = OPERATIONS.get(predicate["operation"], predicate["operation"])
    if operation not in tests:
        raise RefusedError(400, f"invalid operation {operation!r}")
    return tests[operation]()


def check_inputs(spec: dict[str, Any], given: dict[str, Any]) -> None:
    """Refuse parameters as KFP does: unknown, missing, or of another type."""
    inputs = spec.get("pipeline_spec", spec).get("root", {}).get("inputDefinitions", {})
    known = inputs.get("parameters", {})
    types = {"STRING": str, "BOOLEAN": bool, "LIST": list, "STRUCT": dict}
    for name, definition in known.items():
        optional = definition.get("isOptional") or "defaultValue" in definition
        if name not in given and not optional:
            raise RefusedError(400, f"InvalidInputError: missing parameter {name}")
    for name, value in given.items():
        kind = known.get(name, {}).get("parameterType")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = number and float(value).is_integer()
        fits = {"NUMBER_INTEGER": whole, "NUMBER_DOUBLE": number}.get(
            kind, kind in types and isinstance(value, types[kind])
        )
        if not fits:
            raise RefusedError(400, f"InvalidInputError: parameter {name} is not of {kind}")
