"""The DAG of compiled YAML, task by task, with what is known of each one's inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.ir import Compiled
from holdfast.lint.findings import Finding, Path
from holdfast.lint.table_contracts.board import Board, Place
from holdfast.lint.table_contracts.demands import look
from holdfast.lint.table_contracts.facts import Facts, Inputs, given, merged, unknown
from holdfast.lint.table_contracts.grammar import Contracts, read_contracts
from holdfast.lint.table_contracts.sources import descriptions
from holdfast.lint.table_contracts.tasks import (
    Scope,
    artifact,
    branch,
    in_order,
    looped,
    rounds,
)
from holdfast.lint.table_contracts.values import Value, resolve

# Tasks, loops and nested DAGs unrolled; a file of more is looked at as far.
MOST_TASKS = 20_000

Outputs = Mapping[str, Facts]


def check(compiled: Compiled) -> list[Finding]:
    """Return what can't fit between the tables and models that steps make and need."""
    from google.protobuf import json_format

    # One spelling of what may be written in several ways, and nothing that is null.
    walk = Walk(json_format.MessageToDict(compiled.spec()))
    walk.root()
    return list(dict.fromkeys([*walk.findings, *walk.board.findings()]))


@dataclass
class Walk:
    """A walk through a pipeline."""

    pipeline: Mapping[str, Any]
    findings: list[Finding] = field(default_factory=list)
    board: Board = field(default_factory=Board)
    tasks: int = 0
    _contracts: dict[str, Contracts] = field(default_factory=dict)
    _unread: set[tuple[str, ...]] = field(default_factory=set)

    def root(self) -> None:
        """Walk through the pipeline from its root."""
        root = self.pipeline["root"]
        components = self.pipeline.get("components", {})
        # kfp numbers its copies of a component: the shortest name is the first.
        for key in sorted(components, key=lambda key: (len(key), key)):
            self._contracts_of(key, components[key])
        inputs = root.get("inputDefinitions", {})
        parameters = {
            name: Value(True, entry["defaultValue"], default=name)
            if "defaultValue" in entry
            else Value(origin=f"parameter {name}")
            for name, entry in inputs.get("parameters", {}).items()
        }
        artifacts = {
            name: unknown(f"artifact {name}", f"the pipeline's input {name}")
            for name in inputs.get("artifacts", {})
        }
        self._dag(root.get("dag", {}), Scope(parameters, artifacts, ("root", "dag", "tasks")))

    def _dag(self, dag: Mapping[str, Any], scope: Scope) -> dict[str, Facts]:
        """Walk through a DAG, and return what its outputs are."""
        tasks = dag.get("tasks", {})
        done: dict[str, Outputs | None] = {}
        for name in in_order(tasks):
            done[name] = self._task(name, tasks[name], done, scope)
        outputs = {}
        for name, entry in dag.get("outputs", {}).get("artifacts", {}).items():
            found = [
                made.get(one.get("outputArtifactKey", ""))
                for one in entry.get("artifactSelectors", [])
                if (made := done.get(one.get("producerSubtask", ""), {})) is not None
            ]
            known = [facts for facts in found if facts is not None]
            if known and len(known) == len(found):
                outputs[name] = merged(known, f"{scope.name}{name}")
        return outputs

    def _task(
        self, name: str, task: Mapping[str, Any], done: Mapping[str, Any], scope: Scope
    ) -> Outputs | None:
        """Walk through a task; None if it never runs."""
        self.tasks += 1
        key = task.get("componentRef", {}).get("name", "")
        component = self.pipeline.get("components", {}).get(key, {})
        definitions = component.get("inputDefinitions", {})
        given_in = task.get("inputs", {})
        parameters = resolve(
            given_in.get("parameters", {}),
            definitions.get("parameters", {}),
            scope.parameters,
            name,
            scope.name,
        )
        inside = branch(task, parameters, scope)
        if inside is None:
            return None
        # A default that counts outside may not count in a branch that it leaves out.
        parameters = {n: value.trusted(inside.defaults) for n, value in parameters.items()}
        artifacts = {
            n: inside.trusted(artifact(entry, done, scope, n))
            for n, entry in given_in.get("artifacts", {}).items()
        }
        contracts = self._contracts_of(key, component)
        results = []
        for suffix, some in rounds(task, parameters, name, self.tasks < MOST_TASKS):
            here = replace(inside, certain=inside.certain and not suffix)
            inputs = Inputs(name, some, looped(task, artifacts))
            self._look(contracts, inputs, here)
            results.append(self._run(f"{name}{suffix}", key, component, inputs, here))
        names = {n for result in results for n in result}
        return {
            n: merged([result[n] for result in results if n in result], f"{scope.name}{name}.{n}")
            for n in sorted(names)
        }

    def _run(
        self, name: str, key: str, component: Mapping[str, Any], inputs: Inputs, scope: Scope
    ) -> Outputs:
        origin = f"{scope.name}{name}"
        if "dag" in component:
            path: Path = ("components", key, "dag", "tasks")
            inner = replace(
                scope,
                parameters=inputs.parameters,
                artifacts=inputs.artifacts,
                path=path,
                name=f"{origin}/",
            )
            return self._dag(component["dag"], inner)
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        contracts = self._contracts_of(key, component)
        made = {n: given(contracts.gives.get(n), inputs, f"{origin}.{n}") for n in outputs}
        for n, facts in made.items():
            self._require_target(n, facts, contracts, (*scope.path, inputs.task))
        return made

    def _look(self, contracts: Contracts, inputs: Inputs, scope: Scope) -> None:
        for name, needs in sorted(contracts.needs.items()):
            facts = inputs.artifacts.get(name)
            if facts is not None:
                path = (*scope.path, inputs.task, "inputs", "artifacts", name)
                place = Place(inputs.task, name, path, scope.certain)
                self.findings += look(needs, facts, inputs, place, self.board)

    def _require_target(self, name: str, facts: Facts, contracts: Contracts, path: Path) -> None:
        """Report a table whose own target is none of its columns."""
        contract = contracts.gives.get(name)
        target, columns = facts.target, facts.columns
        if contract is None or contract.columns is None or not isinstance(target.value, str):
            return
        if target.known and not columns.may_hold(target.value):
            default = target.default or columns.default
            self.findings.append(
                Finding(
                    "HF405",
                    "warning" if default else "error",
                    f"`{facts.maker}` must have its target {target.value!r} among the columns of "
                    f"`{name}` ({target.why}; {columns.why}).",
                    "Keep the target, or name another.",
                    path,
                )
            )

    def _report_unread(self, component: Mapping[str, Any], read: Contracts) -> None:
        """Report a contract that can't be read once; kfp copies a component for each use."""
        for finding in read.findings:
            *_, side, _, name = map(str, finding.path)
            entry = component[side]["artifacts"][name]
            told = (str(component.get("inputDefinitions")), side, name, str(entry))
            if told not in self._unread:
                self._unread.add(told)
                self.findings.append(finding)

    def _contracts_of(self, key: str, component: Mapping[str, Any]) -> Contracts:
        if key not in self._contracts:
            label = component.get("executorLabel", "")
            executors = self.pipeline.get("deploymentSpec", {}).get("executors", {})
            described = descriptions(component, executors.get(label, {}))
            read = read_contracts(component, described, f"`{key}`", ("components", key))
            self._contracts[key] = read
            self._report_unread(component, read)
        return self._contracts[key]
