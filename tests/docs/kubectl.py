#!/usr/bin/env python3
"""As much of kubectl as the pages use, for the stand-in of an API server: what kubectl itself asks
a server first (discovery, OpenAPI) the stand-in has not.

    kubectl apply --namespace NAME --filename FILE
    kubectl create secret generic NAME --namespace NAME --from-literal KEY=VALUE...
"""

import argparse
import base64
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import yaml

# The plural and the group's API of each kind.
KINDS = {
    "ConfigMap": ("configmaps", "api/v1"),
    "Deployment": ("deployments", "apis/apps/v1"),
    "PersistentVolumeClaim": ("persistentvolumeclaims", "api/v1"),
    "Role": ("roles", "apis/rbac.authorization.k8s.io/v1"),
    "RoleBinding": ("rolebindings", "apis/rbac.authorization.k8s.io/v1"),
    "Secret": ("secrets", "api/v1"),
    "Service": ("services", "api/v1"),
    "ServiceAccount": ("serviceaccounts", "api/v1"),
}


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser("kubectl")
    parser.add_argument("words", nargs="+")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--filename", type=Path)
    parser.add_argument("--from-literal", action="append", default=[])
    options = parser.parse_args()
    if options.words == ["apply"]:
        documents = list(yaml.safe_load_all(options.filename.read_text()))
    elif options.words[:3] == ["create", "secret", "generic"] and len(options.words) == 4:
        pairs = (text.partition("=") for text in options.from_literal)
        data = {key: base64.b64encode(value.encode()).decode() for key, _, value in pairs}
        documents = [{"apiVersion": "v1", "kind": "Secret", "data": data,
                      "metadata": {"name": options.words[3]}}]  # fmt: skip
    else:
        sys.exit(f"the stand-in of kubectl does not know {options.words}")
    for document in documents:
        apply(document, options.namespace)


def apply(document: dict, namespace: str) -> None:
    """Apply a document on the server's side, and say what became of it."""
    plural, api = KINDS[document["kind"]]
    assert f"/{document['apiVersion']}" in f"/{api}", document["apiVersion"]
    name = document["metadata"]["name"]
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    address = config["clusters"][0]["cluster"]["server"]
    token = config["users"][0]["user"]["token"]
    request = urllib.request.Request(
        f"{address}/{api}/namespaces/{namespace}/{plural}/{name}?fieldManager=kubectl",
        json.dumps(document).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"},
        method="PATCH",
    )
    try:
        with urllib.request.urlopen(request) as answer:
            done = "created" if answer.status == 201 else "configured"
    except urllib.error.HTTPError as error:
        sys.exit(f"Error from server: {error.read().decode()}")
    group = document["apiVersion"].rpartition("/")[0]
    print(f"{document['kind'].lower()}{'.' * bool(group)}{group}/{name} {done}")


if __name__ == "__main__":
    main()
