"""Serve a model: python -m holdfast.serving.predictor --model-dir DIR --model-name NAME.

KServe mounts the model at /mnt/models, which is the default. `--registered NAME` takes a version
from the registry that MLFLOW_TRACKING_URI names instead.
"""

import argparse
import gc
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Before a library counts the CPUs: a request is a few rows, and a second thread only waits for it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from holdfast.errors import InputError
from holdfast.serving.predictor import served
from holdfast.tracking import check_name, fetch_model


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the model, and serve it until SIGTERM."""
    options = parser().parse_args(arguments)
    from holdfast.serving.predictor import server, telemetry
    from holdfast.serving.predictor.gate import Limits

    telemetry.log_json()
    if not 0 <= options.port < 2**16 or min(options.max_bytes, options.max_rows) < 1:
        raise InputError(
            "`port` must be 0 to 65535, `max-bytes` and `max-rows` at least 1. Found: "
            f"{options.port}, {options.max_bytes}, {options.max_rows}."
        )
    with tempfile.TemporaryDirectory() as folder:
        model = load(options, Path(folder))
    # What is loaded stays: no collection looks through it while a request waits.
    gc.collect()
    gc.freeze()
    limits = Limits(options.max_bytes, options.body_seconds, options.max_in_flight)
    where = (options.host, options.port, options.drain_seconds, options.grace_seconds)
    server.serve(model, server.Options(*where, limits))


def load(options: argparse.Namespace, folder: Path) -> served.Served:
    """Load the model that is asked for; a registered one is downloaded to a folder."""
    path, version, name = options.model_dir, options.model_version, options.model_name
    if options.registered:
        found = fetch_model(options.registered, options.version, folder)
        path, version = found.path, version or str(found.version)
        name = name or options.registered
    check_name("model-name", name or "model")
    return served.load(path, name or "model", version, options.fallback, options.max_rows)


def parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    taken = argparse.ArgumentParser(
        "holdfast.serving.predictor",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = taken.add_argument
    add("--model-dir", type=Path, default=Path("/mnt/models"), help="an MLflow model directory")
    add("--registered", default="", metavar="NAME", help="a model of the registry instead")
    add("--version", default="champion", help="its version: a number or an alias")
    add("--model-name", default="", help="the name in the addresses: the registered one, or model")
    add("--model-version", default="", help="what answers carry: the registered one, or the id")
    add("--host", default="0.0.0.0")  # noqa: S104  # a pod's only address
    add("--port", type=int, default=8080, help="0: any that is free, which the log names")
    add("--fallback", default=os.environ.get("HOLDFAST_FALLBACK", ""), help="a second model's "
        "directory, or a constant, to answer where the model can't; HOLDFAST_FALLBACK")  # fmt: skip
    add("--max-bytes", type=int, default=2**20, help="of a body")
    add("--max-rows", type=int, default=10_000, help="of a request")
    add("--max-in-flight", type=int, default=64, help="predictions at once")
    add("--body-seconds", type=float, default=10.0, help="for a body to arrive in")
    add("--drain-seconds", type=float, default=5.0, help="after SIGTERM, not ready, still serving")
    add("--grace-seconds", type=int, default=20, help="for what is then under way")
    return taken


if __name__ == "__main__":
    main()
