"""A file, read as far as it can be; what cannot be is a finding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast import ir
from holdfast.errors import InputError, first_line
from holdfast.ir import Compiled
from holdfast.lint.findings import Finding
from holdfast.lint.findings import Path as Keys
from holdfast.lint.pipeline import EXECUTORS, KUBERNETES, part
from holdfast.lint.rule import Place, Rule
from holdfast.lint.schema import Mistake, mistakes, without

if TYPE_CHECKING:
    from yaml import Node

UNREADABLE = Rule(
    "HF101",
    "unreadable",
    "error",
    why="The file is not the one or two plain YAML documents that kfp writes.",
    remedy="Compile it again with kfp.compiler.Compiler().compile(pipeline, FILE).",
)
INVALID = Rule(
    "HF102",
    "invalid",
    "error",
    why="A document is no PipelineSpec, or no PlatformSpec: KFP's server refuses it.",
    remedy="Compile it again; if it was written by hand, give the field what is expected.",
)
UNKNOWN_FIELD = Rule(
    "HF103",
    "unknown-field",
    "warning",
    why="A field that the messages of the installed kfp do not have. A server that does not know "
    "it either ignores it or refuses the file.",
    remedy="Correct the name, or check that the server's version of KFP knows the field.",
)
TOO_LARGE = Rule(
    "HF107",
    "too-large",
    "error",
    why="KFP's server takes uploads of at most 32 MiB.",
    remedy="Leave code and data out of the YAML: put them into the image, or into artifacts.",
)
YAML_BOOLEAN = Rule(
    "HF110",
    "yaml-boolean",
    "error",
    why="KFP's server reads YAML 1.1, in which y, n, yes, no, on and off without quotes are true "
    "and false. kfp writes y and n without quotes, be it a parameter's name or a value.",
    remedy="Rename the parameter, or choose another value: kfp writes it without quotes again.",
)
REPEATED_KEY = Rule(
    "HF112",
    "repeated-key",
    "warning",
    why="A key is given twice in a mapping; all but the last are silently dropped.",
    remedy="Remove one of the two.",
)

# What YAML 1.1 reads as a boolean, and PyYAML (that is, kfp) reads and writes as text.
BOOLEANS = ("y", "Y", "n", "N")
# What PyYAML, too, reads as a boolean.
BOOLEAN_KEYS = ("yes", "no", "on", "off")
SHOWN_LETTERS = 200
_COMPILE = "Compile it with kfp 2: kfp.compiler.Compiler().compile(pipeline, FILE)."
# What else people have in YAML files, by a key that only it has.
OTHERS = {
    "apiVersion": ("an object of Kubernetes, such as a Workflow of KFP v1", _COMPILE),
    "implementation": ("a component of KFP v1", _COMPILE),
    "pipelineSpec": ("a PipelineJob of Vertex AI", "Check what is below its pipelineSpec."),
}


@dataclass(frozen=True)
class LookedAt:
    """What is in a file.

    Attributes:
        compiled: Its documents; None if they cannot be told.
        known: The same without fields that kfp does not know; None if it is not what KFP takes.
        findings: What was found on the way.
        line: Of the findings, if there are no documents.
    """

    compiled: Compiled | None
    known: Compiled | None
    findings: list[Finding]
    line: int = 1


def read(path: Path) -> LookedAt:
    """Return what is in a file, as far as it can be read.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > ir.MOST_BYTES:
            return _unreadable(TOO_LARGE, f"{size:,} bytes, over {ir.MOST_BYTES:,}")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"FILE must be a file that can be read. Found: {path}: {reason}. Name compiled YAML, "
            f"or a folder with some."
        ) from error
    return _compiled(data)


def _unreadable(rule: Rule, message: str, line: int = 1, remedy: str = "") -> LookedAt:
    return LookedAt(None, None, [rule.found(Place(message, remedy=remedy))], line)


def _compiled(data: bytes) -> LookedAt:
    import yaml

    try:
        text = data.decode("utf-8")
        parsed = [(value, node) for value, node in ir.parse(text) if value is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return _unreadable(UNREADABLE, f"not YAML: {_said(error.problem)}", line)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _unreadable(UNREADABLE, _said(error))
    kinds = [type(value).__name__ for value, _ in parsed]
    if not 1 <= len(parsed) <= 2 or set(kinds) != {"dict"}:
        found = ", ".join(kinds[:5]) or "nothing"
        return _unreadable(UNREADABLE, f"expected one or two mappings, found {found}")
    values, nodes = zip(*parsed, strict=True)
    for key, (what, remedy) in OTHERS.items():
        if key in values[0] and "root" not in values[0]:
            return _unreadable(UNREADABLE, what, remedy=remedy)
    return _checked(Compiled(values[0], values[1] if values[1:] else {}, text, nodes))


def _said(error: object) -> str:
    # The whole message may quote the text.
    return "not UTF-8" if isinstance(error, UnicodeError) else first_line(error)[:SHOWN_LETTERS]


def _checked(compiled: Compiled) -> LookedAt:
    findings = [
        rule.found(Place(message, path, number))
        for number, node in enumerate(compiled.nodes)
        for rule, message, path in _spelling(node, ())
    ]
    unknown: tuple[list[Keys], list[Keys]] = ([], [])
    for number, mistake in _mistakes(compiled):
        where = ".".join(map(str, mistake.path)) or "the document"
        if mistake.expected:
            message = f"`{where}` must be {mistake.expected}"
            findings.append(INVALID.found(Place(message, mistake.path, number)))
        else:
            message = f"`{where}` is no field that kfp knows"
            findings.append(UNKNOWN_FIELD.found(Place(message, mistake.path, number)))
            unknown[number].append(mistake.path)
    if any(finding.rule == INVALID.id for finding in findings):
        return LookedAt(compiled, None, findings)
    known = replace(
        compiled,
        pipeline=without(compiled.pipeline, unknown[0]) if unknown[0] else compiled.pipeline,
        platform=without(compiled.platform, unknown[1]) if unknown[1] else compiled.platform,
    )
    mistake_of_all = _mistake_of_all(known)
    if mistake_of_all:
        return LookedAt(compiled, None, [*findings, INVALID.found(mistake_of_all)])
    return LookedAt(compiled, known, findings)


def _mistake_of_all(known: Compiled) -> Place | None:
    """Return what is wrong with a document whose fields are each as they should be."""
    from google.protobuf import json_format

    try:
        tasks = known.spec().root.dag.tasks
    except (json_format.Error, ValueError, TypeError, RecursionError):
        # Its message may quote a value.
        return Place("kfp cannot read it as a PipelineSpec")
    return None if tasks else Place("`root.dag.tasks` has no task", ("root", "dag"))


def _mistakes(compiled: Compiled) -> Iterator[tuple[int, Mistake]]:
    """Yield what is not as KFP's messages have it, with the number of the document."""
    from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
    from kfp.pipeline_spec.pipeline_spec_pb2 import (
        PipelineDeploymentConfig,
        PipelineSpec,
        PlatformSpec,
    )

    for mistake in mistakes(compiled.pipeline, PipelineSpec.DESCRIPTOR):
        yield 0, mistake
    deployment = compiled.pipeline.get("deploymentSpec") or {}
    for mistake in mistakes(deployment, PipelineDeploymentConfig.DESCRIPTOR, EXECUTORS[:1]):
        yield 0, mistake
    for mistake in mistakes(compiled.platform, PlatformSpec.DESCRIPTOR):
        yield 1, mistake
    for label, config in part(compiled.platform, *map(str, KUBERNETES)).items():
        for mistake in mistakes(
            config or {}, KubernetesExecutorConfig.DESCRIPTOR, (*KUBERNETES, str(label))
        ):
            yield 1, mistake


def _spelling(node: "Node", path: Keys) -> Iterator[tuple[Rule, str, Keys]]:
    """Yield scalars that the server reads otherwise than kfp, and keys that are there twice."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        if node.value in BOOLEANS and _is_plain(node):
            yield YAML_BOOLEAN, f"the value {node.value} has no quotes", path
    elif isinstance(node, yaml.SequenceNode):
        for index, below in enumerate(node.value):
            yield from _spelling(below, (*path, index))
    else:
        yield from _keys(node.value, path)


def _keys(pairs: Sequence[tuple[Any, Any]], path: Keys) -> Iterator[tuple[Rule, str, Keys]]:
    seen = set()
    for key, below in pairs:
        name = str(key.value)
        plain = _is_plain(key)
        if plain and (name in BOOLEANS or name.lower() in BOOLEAN_KEYS):
            yield YAML_BOOLEAN, f"the name {name} has no quotes", (*path, name)
        if name in seen:
            yield REPEATED_KEY, f"`{name}` is given twice", (*path, name)
        seen.add(name)
        yield from _spelling(below, (*path, name))


def _is_plain(node: "Node") -> bool:
    # libyaml says "" or None for a scalar without quotes.
    return not getattr(node, "style", "'")
