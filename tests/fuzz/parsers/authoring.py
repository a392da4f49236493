"""What the tooling reads: compiled YAML of anyone, and parameters of the command line."""

import atexit
import shutil
import tempfile
from pathlib import Path

from holdfast import ir
from holdfast.commands.parameters import TYPES, parse_value
from holdfast.errors import InputError
from holdfast.lint.engine import lint
from holdfast.submit import document
from tests.fuzz.parsers.target import Target, text
from tests.support import ROOT

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
COMPILED = b"""
components:
  comp-step:
    executorLabel: exec-step
    inputDefinitions:
      parameters: {rows: {parameterType: NUMBER_INTEGER, defaultValue: 5.0, isOptional: true}}
    outputDefinitions:
      artifacts: {table: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}}
deploymentSpec:
  executors:
    exec-step: {container: {image: 'localhost/step:1', command: [sh, -c, 'true'], args: []}}
pipelineInfo: {name: small}
root:
  dag:
    tasks:
      step:
        cachingOptions: {enableCache: true}
        componentRef: {name: comp-step}
        inputs: {parameters: {rows: {componentInputParameter: rows}}}
        taskInfo: {name: step}
  inputDefinitions:
    parameters: {rows: {parameterType: NUMBER_INTEGER}}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
---
platforms: {kubernetes: {deploymentSpec: {executors: {exec-step: {}}}}}
"""


SCHEDULES = b"""
owner: team
schedules:
  - {name: nightly, pipeline: training, cron: '0 0 3 * * *', parameters: {uri: x, target: y}}
"""


def compiled(data: bytes) -> None:
    """Read compiled YAML as a whole."""
    (FOLDER / "compiled.yaml").write_bytes(data)
    found = ir.read(FOLDER / "compiled.yaml")
    found.name.encode()
    found.spec().SerializeToString()


def linted(data: bytes) -> None:
    """Lint a file."""
    (FOLDER / "linted.yaml").write_bytes(data)
    repr(lint([FOLDER / "linted.yaml"])).encode()


def scheduled(data: bytes) -> None:
    """Read a document of schedules."""
    (FOLDER / "schedules.yaml").write_bytes(data)
    document.read(FOLDER / "schedules.yaml", lambda _: ROOT / "compiled/pipelines/training.yaml")


def parameter(data: bytes) -> None:
    """Read a parameter's text as each type."""
    for kind in TYPES.values():
        try:
            parse_value("name", text(data), kind)
        except InputError as error:
            str(error).encode()


TARGETS = {
    "linted": Target(linted, (COMPILED,), (InputError,)),
    "scheduled": Target(scheduled, (SCHEDULES,), (InputError,)),
    "compiled": Target(compiled, (COMPILED,), (InputError,)),
    "parameter": Target(parameter, (b"1", b"1.5", b"true", b'{"a": [1]}'), (InputError,)),
}
