"""Serve a model: python -m holdfast.serving.predictor --model-dir DIR --model-name NAME.

KServe mounts the model at /mnt/models, which is the default. `--registered NAME` takes a version
from the registry that MLFLOW_TRACKING_URI names instead.
"""

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Before a library counts the CPUs: a request is a few rows, and a second thread only waits for it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from holdfast.errors import InputError
from holdfast.serving.predictor import served
from holdfast.tracking import check_name, fetch_model

logger = logging.getLogger("holdfast.predictor")


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the model, and serve it until SIGTERM."""
    options = parser().parse_args(arguments)
    # The first process of a container is sent a SIGTERM for nothing unless it asks for it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(options)
    except KeyboardInterrupt:
        sys.exit(130)


def run(options: argparse.Namespace) -> None:
    """Do what the command was told."""
    from holdfast.serving.predictor import server, telemetry
    from holdfast.serving.predictor.gate import Limits

    telemetry.log_json()
    if not 0 <= options.port < 2**16 or min(options.max_bytes, options.max_rows) < 1:
        raise InputError(
            "`port` must be 0 to 65535, `max-bytes` and `max-rows` at least 1. Found: "
            f"{options.port}, {options.max_bytes}, {options.max_rows}."
        )
    bound = bind(options.host, options.port)
    logger.info("loading", extra={"told": {"model": options.registered or str(options.model_dir)}})
    model = load(options)
    # What is loaded stays: no collection looks through it while a request waits.
    gc.collect()
    gc.freeze()
    limits = Limits(options.max_bytes, options.body_seconds, options.max_in_flight)
    end = (options.drain_seconds, options.grace_seconds)
    server.serve(model, bound, server.Options(*end, limits))


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that has the port, before a model is loaded in vain; it does not listen yet.

    Raises:
        InputError: The address can't be had.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        raise InputError(
            f"`host` and `port` must be an address of this machine that is free. Found: {host}, "
            f"port {port}: {error.strerror}. Choose another; port 0 takes any that is free."
        ) from error
    return bound


def load(options: argparse.Namespace) -> served.Served:
    """Load the model that is asked for; a registered one is downloaded first."""
    version, name = options.model_version, options.model_name or options.registered or "model"
    check_name("model-name", name)
    if not options.registered:
        return served.load(options.model_dir, name, version, options.fallback, options.max_rows)
    with tempfile.TemporaryDirectory() as folder:
        found = fetch_model(options.registered, options.version, folder)
        version = version or str(found.version)
        return served.load(found.path, name, version, options.fallback, options.max_rows)


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
    add("--body-seconds", type=float, default=10.0,
        help="for a head to arrive in, for a body, and for an answer to be read")  # fmt: skip
    add("--drain-seconds", type=float, default=5.0, help="after SIGTERM, not ready, still serving")
    add("--grace-seconds", type=int, default=20, help="for what is then under way")
    return taken


if __name__ == "__main__":
    main()
