"""What a task asks of a cluster, part by part."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from kfp import dsl, kubernetes

from holdfast.errors import InputError
from holdfast.presets.applying import Preset

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


def resources(
    *,
    cpu: tuple[str, str] | None = None,
    memory: tuple[str, str] | None = None,
    accelerator: tuple[str, int] | None = None,
) -> Preset:
    """Return what a task asks of a node.

    Args:
        cpu: The request and the limit in CPUs, such as ("500m", "2").
        memory: The request and the limit in bytes, such as ("512Mi", "2Gi").
        accelerator: A resource's name and a count, such as ("nvidia.com/gpu", 1).

    Raises:
        InputError: A quantity is none, or a request is above its limit.
    """
    pairs = {"cpu": cpu, "memory": memory}
    for name, pair in pairs.items():
        _check(name, pair)

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        there = task.container_spec.resources
        for name, pair in pairs.items():
            # A limit of the task's own may lie below our request: both are set, or none.
            own = (getattr(there, f"{name}_{end}", None) for end in ("request", "limit"))
            if pair and not (stays and any(own)):
                getattr(task, f"set_{name}_request")(pair[0])
                getattr(task, f"set_{name}_limit")(pair[1])
        if accelerator and not (stays and getattr(there, "accelerator_type", None)):
            task.set_accelerator_type(accelerator[0]).set_accelerator_limit(accelerator[1])

    return put


def retry(times: int, seconds: int = 30, factor: float = 2.0, most_seconds: int = 600) -> Preset:
    """Return how often a failed task is tried again, and how long is waited before.

    Args:
        times: How many tries there are after the first.
        seconds: How long is waited before the second try.
        factor: Each wait is so many times the one before.
        most_seconds: The longest wait.
    """

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        # kfp 2.17 has no public way to ask for a task's policy.
        if not (stays and task._task_spec.retry_policy):
            task.set_retry(times, f"{seconds}s", factor, f"{most_seconds}s")

    return put


def timeout(seconds: int) -> Preset:
    """Return how long a task's pod may live, in seconds; each try has a pod of its own."""

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        if not (stays and "activeDeadlineSeconds" in _asked(task)):
            kubernetes.set_timeout(task, seconds)

    return put


def nodes(labels: Mapping[str, str]) -> Preset:
    """Return which nodes a task may run on: those that have all the labels."""

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        there = _asked(task).get("nodeSelector", {}).get("labels", {})
        for label, value in labels.items():
            if not (stays and label in there):
                kubernetes.add_node_selector(task, label, value)

    return put


def toleration(key: str, value: str = "", effect: Effect = "NoSchedule") -> Preset:
    """Return a taint that a task tolerates; an empty value stands for any."""
    given = {"key": key, "operator": "Equal" if value else "Exists", "effect": effect}
    given |= {"value": value} if value else {}

    def put(task: dsl.PipelineTask, _: bool) -> None:
        if given not in _asked(task).get("tolerations", []):
            kubernetes.add_toleration(task, **given)

    return put


def secret(name: str, variables: Mapping[str, str], optional: bool = True) -> Preset:
    """Return variables that a task gets from a Secret.

    Args:
        name: The Secret's.
        variables: The variables by the Secret's keys.
        optional: Whether the task runs without the Secret, or without a key of it.
    """

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        given = _new(task, "secretAsEnv", name, variables, stays)
        if given:
            kubernetes.use_secret_as_env(task, name, given, optional)

    return put


def config_map(name: str, variables: Mapping[str, str], optional: bool = True) -> Preset:
    """Return variables that a task gets from a ConfigMap; see secret."""

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        given = _new(task, "configMapAsEnv", name, variables, stays)
        if given:
            kubernetes.use_config_map_as_env(task, name, given, optional)

    return put


def _asked(task: dsl.PipelineTask) -> dict[str, Any]:
    """Return what kfp-kubernetes has put into a task so far."""
    return dict(task.platform_config.get("kubernetes", {}))


def _new(
    task: dsl.PipelineTask, kind: str, name: str, variables: Mapping[str, str], stays: bool
) -> dict[str, str]:
    """Return those of the variables, by key, that a task has not yet.

    Raises:
        InputError: The task has one from elsewhere; which of the two it would get is not said.
    """
    there = {
        pair["envVar"]: (each, entry.get("secretName") or entry.get("configMapName"))
        for each in ("secretAsEnv", "configMapAsEnv")
        for entry in _asked(task).get(each, [])
        for pair in entry["keyToEnv"]
    }
    for variable in variables.values():
        found = there.get(variable, (kind, name))
        if found != (kind, name) and not stays:
            raise InputError(
                f"{task.name} must get {variable} from one place. Found: {found[1]} and {name}. "
                f"Leave one of the presets out."
            )
    return {key: variable for key, variable in variables.items() if variable not in there}


_QUANTITIES = {
    "cpu": (r"(\d+|\d*\.\d+)(m?)", "500m or 2"),
    "memory": (r"(\d+)([KMGTPE]?i?)", "512Mi or 2Gi"),
}
# Kubernetes' own suffixes; a plain number are bytes, or CPUs.
_UNITS = {"": 1.0, "m": 1e-3} | {
    f"{prefix}{i}": float((1024 if i else 1000) ** power)
    for power, prefix in enumerate("KMGTPE", start=1)
    for i in ("", "i")
}


def _check(name: str, pair: tuple[str, str] | None) -> None:
    pattern, example = _QUANTITIES[name]
    amounts = []
    for quantity in pair or ():
        found = re.fullmatch(pattern, quantity)
        if not found or found[2] not in _UNITS:
            raise InputError(f"`{name}` must be quantities such as {example}. Found: {quantity!r}.")
        amounts.append(float(found[1]) * _UNITS[found[2]])
    if amounts and amounts[0] > amounts[1]:
        raise InputError(
            f"`{name}` must be (request, limit), the request not above the limit. Found: {pair}."
        )
