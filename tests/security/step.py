"""Run one component in this process: python -m tests.security.step FOLDER < COMPONENT.

Runs in a family's environment. COMPONENT is JSON: name, source, artifacts, parameters.
"""

import json
import os
import sys
from pathlib import Path

from kfp import dsl

from tests.security.sweep import load

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    component = json.load(sys.stdin)
    function = load(folder / "program.py", component)
    given = dict.fromkeys(component["inputs"])
    for name, path in component["given"].items():
        given[name] = dsl.Artifact(name=name, uri=path, metadata={})
    for name in component["artifacts"]:
        given[name] = dsl.Artifact(name=name, uri=str(folder / name), metadata={})
    os.chdir(folder)
    made = function(**given, **component["parameters"])
    (folder / "outputs.json").write_text(json.dumps(made, default=str))
    metadata = {name: given[name].metadata for name in component["artifacts"]}
    (folder / "metadata.json").write_text(json.dumps(metadata, default=str))
