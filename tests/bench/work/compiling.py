"""Compile all of a kind, pipelines or components: python -m tests.bench.work.compiling KIND.

Prints the seconds without imports, and how many there are, as JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from kfp import compiler

from holdfast import generate


def main(kind: str) -> None:
    """Compile."""
    wanted = getattr(generate, kind)()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        for name, each in wanted.items():
            compiler.Compiler().compile(each, str(Path(folder) / f"{name}.yaml"))
        seconds = time.perf_counter() - start
    print(json.dumps({"work s": seconds, "compiled": len(wanted)}))


if __name__ == "__main__":
    main(sys.argv[1])
