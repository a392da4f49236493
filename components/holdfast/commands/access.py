"""How the commands that speak with Kubeflow Pipelines reach it, and what they show."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError, InputError, shown
from holdfast.kubeflow.api import Access, Patience, access
from holdfast.kubeflow.parameters import whole

COOKIE_ENV = "KFP_COOKIE"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
SHOWN_LETTERS = 200


def add_access(command: argparse.ArgumentParser) -> None:
    """Add the options that say where KFP is."""
    group = command.add_argument_group("Kubeflow Pipelines", "A session's cookie: KFP_COOKIE.")
    group.add_argument("--endpoint", default="", metavar="ADDRESS", help="else KFP_ENDPOINT")
    group.add_argument("--namespace", default="", help="the profile's, in a multi-user KFP")
    group.add_argument("--token-env", default="KFP_TOKEN", metavar="NAME",
                       help="the variable that holds a token (KFP_TOKEN)")  # fmt: skip
    group.add_argument("--timeout", type=_timeout, default=30, metavar="SECONDS",
                       help="for each call, 1 to 3600 (30)")  # fmt: skip
    group.add_argument("--ui", default="", metavar="ADDRESS", help="for links, if not the endpoint")


def _timeout(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= 3600):
        raise argparse.ArgumentTypeError(
            f"must be whole seconds from 1 to 3600. Found: {text[:SHOWN_LETTERS]!r}."
        )
    return int(text)


def reach(options: argparse.Namespace, namespace: str = "") -> Access:
    """Return how KFP is reached, after asking it whether it is there.

    Args:
        options: Those of `add_access`.
        namespace: The namespace that a file names.

    Raises:
        InputError: Nothing says where it is, or in which namespace to work.
    """
    from kfp_server_api import HealthzServiceApi

    if not (options.endpoint or os.environ.get("KFP_ENDPOINT") or _in_a_pod()):
        raise InputError(
            "--endpoint must name KFP's address. Found: none, no KFP_ENDPOINT, and no cluster "
            "around. Run `kubectl port-forward --namespace kubeflow service/ml-pipeline-ui "
            "8080:80`, and add --endpoint http://localhost:8080."
        )
    if namespace and options.namespace not in ("", namespace):
        raise InputError(
            f"--namespace must be the file's. Found: {options.namespace!r} and {namespace!r}."
        )
    kfp = replace(
        access(options.endpoint, options.token_env, namespace or options.namespace),
        patience=Patience(timeout=options.timeout),
        cookie_env=COOKIE_ENV,
    )
    health = kfp.call(HealthzServiceApi(kfp.client()).healthz_service_get_healthz)
    if health.multi_user and not kfp.namespace:
        if not NAMESPACE_FILE.is_file():
            raise InputError(
                "--namespace must name the profile's namespace. Found: none, where KFP serves "
                "several. It is shown at the top of Kubeflow's dashboard."
            )
        kfp = replace(kfp, namespace=NAMESPACE_FILE.read_text(encoding="utf-8").strip())
    return kfp


def _in_a_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def tell(text: str) -> None:
    """Print lines for people, beside what goes to stdout."""
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return text whose letters do nothing to a terminal: others give KFP's objects their names."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def show_parameters(pipeline: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Print each parameter with its value, and whether it was given."""
    inputs = pipeline.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    for name in sorted(inputs):
        default = "" if name in given else "  (default)"
        value = given[name] if name in given else whole(inputs[name].get("defaultValue"))
        text = json.dumps(without_secrets(value))
        cut = f"{text[:SHOWN_LETTERS]}..." if len(text) > SHOWN_LETTERS else text
        tell(f"  {name:20} {cut}{default}")


def print_document(document: Mapping[str, Any], as_json: bool) -> None:
    """Print what would be sent, as YAML or JSON; secrets in addresses are left out."""
    import yaml

    plain = without_secrets(document)
    if as_json:
        print(json.dumps(plain, indent=2))
    else:
        print(yaml.safe_dump(plain, sort_keys=False, width=100), end="")


def without_secrets(value: Any) -> Any:
    """Return values in which addresses have no user, no password and no signature."""
    if isinstance(value, Mapping):
        return {key: without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return shown(value) if isinstance(value, str) else value


def sent(body: Any) -> Any:
    """Return a body as KFP's client sends it."""
    from kfp_server_api import ApiClient

    return ApiClient().sanitize_for_serialization(body)


def refused(options: argparse.Namespace, error: HoldfastError) -> None:
    """Print the error as a document, where one was asked for."""
    if options.json:
        print(json.dumps({"error": str(error)}, indent=2))
