"""Compiled YAML to be spoilt by tests: as it is, lint finds nothing in it."""

import copy
from pathlib import Path
from typing import Any

import yaml

from holdfast.lint import engine
from holdfast.lint.findings import Finding

PIPELINE = """\
components:
  comp-load:
    executorLabel: exec-load
    inputDefinitions:
      parameters:
        fingerprint:
          parameterType: STRING
        rows:
          parameterType: NUMBER_INTEGER
          defaultValue: 10
          isOptional: true
        uri:
          parameterType: STRING
    outputDefinitions:
      artifacts:
        table:
          artifactType:
            schemaTitle: system.Dataset
            schemaVersion: 0.0.1
      parameters:
        Output:
          parameterType: STRING
  comp-train:
    executorLabel: exec-train
    inputDefinitions:
      artifacts:
        table:
          artifactType:
            schemaTitle: system.Dataset
            schemaVersion: 0.0.1
deploymentSpec:
  executors:
    exec-load:
      container:
        args: [--executor_input, '{{$}}']
        command: [python3, -m, load]
        env:
        - name: LEVEL
          value: debug
        image: registry.example.com/team/load:1.2.0
        resources:
          cpuRequest: 0.5
          resourceCpuRequest: 500m
          memoryLimit: 1.0
          resourceMemoryLimit: 1G
    exec-train:
      container:
        command: [python3, -m, train]
        image: registry.example.com/team/train@sha256:abcd
        resources:
          resourceMemoryRequest: 1Gi
          resourceMemoryLimit: 2Gi
pipelineInfo:
  description: Loads a table and trains.
  name: clean
root:
  dag:
    tasks:
      load:
        cachingOptions:
          enableCache: true
        componentRef:
          name: comp-load
        inputs:
          parameters:
            fingerprint:
              componentInputParameter: fingerprint
            uri:
              componentInputParameter: uri
        retryPolicy:
          backoffDuration: 30s
          backoffFactor: 2.0
          maxRetryCount: 2
        taskInfo:
          name: load
      train:
        cachingOptions:
          enableCache: true
        componentRef:
          name: comp-train
        dependentTasks: [load]
        inputs:
          artifacts:
            table:
              taskOutputArtifact:
                outputArtifactKey: table
                producerTask: load
        taskInfo:
          name: train
  inputDefinitions:
    parameters:
      fingerprint:
        description: Of what is at the address.
        parameterType: STRING
      uri:
        description: Where the table is.
        parameterType: STRING
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
"""
PLATFORM = """\
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-load:
          secretAsEnv:
          - keyToEnv:
            - envVar: STORE_PASSWORD
              secretKey: password
            secretName: store
"""


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both documents."""
    return yaml.safe_load(PIPELINE), yaml.safe_load(PLATFORM)


def place(document: Any, path: str) -> Any:
    """Return what is at root/dag/tasks/load in a document; a number is an index."""
    for key in path.split("/"):
        document = document[int(key) if isinstance(document, list) else key]
    return document


def changed(path: str, **values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the documents with values set at a path; None removes one."""
    pipeline, platform = documents()
    mapping = place(platform if path.startswith("platforms") else pipeline, path)
    mapping |= {key: copy.deepcopy(value) for key, value in values.items()}
    for key, value in values.items():
        if value is None:
            del mapping[key]
    return pipeline, platform


class Plain(yaml.SafeDumper):
    """Writes no aliases, as kfp does not."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write(folder: Path, *parts: Any, name: str = "pipeline.yaml") -> Path:
    """Write documents, or text, as one file."""
    file = folder / name
    texts = [part if isinstance(part, str) else yaml.dump(part, Dumper=Plain) for part in parts]
    file.write_text("---\n".join(texts), encoding="utf-8")
    return file


def findings(file: Path) -> list[Finding]:
    """Return what lint finds in a file."""
    return [result.finding for result in engine.lint([file]).results]


def found(folder: Path, *parts: Any) -> list[str]:
    """Return rules and severities of what lint finds in documents."""
    return [f"{f.rule} {f.severity}" for f in findings(write(folder, *parts))]
