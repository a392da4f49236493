"""Compiled YAML as kfp writes it: the pipeline spec, and a platform spec that may follow it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError, first_line

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec
    from yaml import Node

# KFP's API server takes no larger upload.
MOST_BYTES = 32 * 1024 * 1024
# kfp writes about 20.
MOST_LEVELS = 100


@dataclass(frozen=True)
class Compiled:
    """A compiled pipeline or component.

    Attributes:
        pipeline: The first document, a PipelineSpec.
        platform: The second, a PlatformSpec; empty if there is none.
        text: The file as it is.
        nodes: Each document as PyYAML composed it, which knows the lines.
    """

    pipeline: Mapping[str, Any]
    platform: Mapping[str, Any]
    text: str
    nodes: Sequence["Node"] = field(default=(), repr=False, compare=False)
    _below: "Below" = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str((self.pipeline.get("pipelineInfo") or {}).get("name") or "")

    def line(self, path: Sequence[str | int], document: int = 0) -> int:
        """Return the line, from 1, of what is at a path such as ("root", "dag", "tasks", "train").

        That of the nearest part that is there, if the path leads further than the document.
        """
        return line_of(self.nodes[document], path, self._below) if self.nodes[document:] else 1

    def spec(self) -> "PipelineSpec":
        """Return the first document as KFP's message."""
        from google.protobuf import json_format
        from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

        return json_format.ParseDict(self.pipeline, PipelineSpec())


def read(path: Path) -> Compiled:
    """Read compiled YAML of a pipeline or of a component, ours or another team's.

    Raises:
        InputError: The file is not what kfp compiles.
    """
    import yaml
    from google.protobuf import json_format
    from kfp.pipeline_spec.pipeline_spec_pb2 import PlatformSpec

    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes, where KFP takes {MOST_BYTES:,}")
        text = path.read_text(encoding="utf-8")
        parsed = [(value, node) for value, node in parse(text) if value]
        documents = [value for value, _ in parsed]
        if not documents or not all(isinstance(document, dict) for document in documents):
            raise ValueError("no document that is a mapping")
        if len(documents) > 2:
            raise ValueError(f"{len(documents)} documents, where kfp writes one or two")
        nodes = tuple(node for _, node in parsed)
        compiled = Compiled(documents[0], documents[1] if documents[1:] else {}, text, nodes)
        if not compiled.spec().root.dag.tasks:
            raise ValueError("no tasks in it")
        json_format.ParseDict(compiled.platform, PlatformSpec())
    except (OSError, yaml.YAMLError, json_format.Error, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} must be a pipeline compiled by kfp. Found: {first_line(error)}. Compile it "
            f"with kfp.compiler.Compiler().compile(pipeline, FILE)."
        ) from error
    return compiled


def parse(text: str) -> list[tuple[Any, "Node"]]:
    """Return each document of plain YAML, and its node, which knows where everything is.

    Bounded in depth, with nothing that stands for more.

    Raises:
        yaml.YAMLError: It is no YAML.
        ValueError: It is deeper than kfp writes, has an alias, a tag, or what is no number or day.
    """
    import yaml

    levels = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        levels += isinstance(event, yaml.CollectionStartEvent)
        levels -= isinstance(event, yaml.CollectionEndEvent)
        if levels > MOST_LEVELS:
            raise ValueError(f"more than {MOST_LEVELS} levels")
        if isinstance(event, yaml.AliasEvent):
            # Aliases of aliases grow without bound; kfp writes none.
            raise ValueError("an alias, which kfp does not write")
        tag = getattr(event, "tag", None)
        if tag:
            # PyYAML's constructors fail at what a tag promises in ways of their own.
            raise ValueError(f"the tag {tag[:100]}, which kfp does not write")
    nodes = yaml.compose_all(text, yaml.CSafeLoader)
    builder = yaml.CSafeLoader("")
    return [(builder.construct_document(node), node) for node in nodes]


# What is directly below a node, by the node's id: its line, and itself, by key or index.
Below = dict[int, dict[str | int, tuple[int, "Node"]]]


def line_of(node: "Node", path: Sequence[str | int], known: Below | None = None) -> int:
    """Return the line, from 1, of what is at a path below a node, or of the nearest part.

    Args:
        node: A document, as PyYAML composed it.
        path: Keys and indexes.
        known: Filled with what was looked up, for the next time with the same document.
    """
    known = {} if known is None else known
    line = node.start_mark.line
    for step in path:
        if id(node) not in known:
            known[id(node)] = _below(node)
        if step not in known[id(node)]:
            break
        line, node = known[id(node)][step]
    return int(line) + 1


def _below(node: "Node") -> dict[str | int, tuple[int, "Node"]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return {str(key.value): (key.start_mark.line, value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return {index: (item.start_mark.line, item) for index, item in enumerate(node.value)}
    return {}
