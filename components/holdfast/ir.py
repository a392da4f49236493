"""Compiled YAML as kfp writes it: the pipeline spec, and a platform spec that may follow it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

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
    """

    pipeline: Mapping[str, Any]
    platform: Mapping[str, Any]
    text: str

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.pipeline.get("pipelineInfo", {}).get("name", ""))

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
        documents = [document for document in _documents(text) if document]
        if not documents or not all(isinstance(document, dict) for document in documents):
            raise ValueError("no document that is a mapping")
        if len(documents) > 2:
            raise ValueError(f"{len(documents)} documents, where kfp writes one or two")
        compiled = Compiled(documents[0], documents[1] if documents[1:] else {}, text)
        if not compiled.spec().root.dag.tasks:
            raise ValueError("no tasks in it")
        json_format.ParseDict(compiled.platform, PlatformSpec())
    except (OSError, yaml.YAMLError, json_format.Error, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} must be a pipeline compiled by kfp. Found: {reason}. Compile it with "
            f"kfp.compiler.Compiler().compile(pipeline, FILE)."
        ) from error
    return compiled


def _documents(text: str) -> list[Any]:
    """Return the documents of plain YAML: bounded in depth, with nothing that stands for more."""
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
    return list(yaml.load_all(text, yaml.CSafeLoader))  # a SafeLoader
