"""What a manager of fields owns of an object, as server-side apply keeps it in managedFields.

Whoever applies again must send all that it owns: what it leaves out, the server takes away. This is
what client-go's Extract functions do; Kubernetes' structured-merge-diff describes fieldsV1.
"""

import json
from collections.abc import Mapping
from typing import Any

from holdfast.deployment.inference_service import MANAGER, InferenceService

Json = Any


def owned(service: InferenceService, manager: str = MANAGER) -> dict[str, Any]:
    """Return the fields of an object that a manager applied, ready to be applied again."""
    document = service.document
    entries = document["metadata"].get("managedFields") or ()
    fields = [
        entry.get("fieldsV1") or {}
        for entry in entries
        if (entry.get("manager"), entry.get("operation")) == (manager, "Apply")
        and not entry.get("subresource")
    ]
    found: dict[str, Any] = _pick(document, fields[0]) if fields else {}
    found["apiVersion"], found["kind"] = document["apiVersion"], document["kind"]
    found.setdefault("metadata", {})["name"] = service.name
    return found


def _pick(value: Json, fields: Mapping[str, Any]) -> Json:
    """Return what of a value the fields name; no fields below it mean all of it."""
    below = {key: more for key, more in fields.items() if key != "."}
    if not below:
        # A list or a mapping that is managed by its members, of which none is owned, is empty.
        return value if "." not in fields else type(value)()
    if isinstance(value, Mapping):
        return {
            key[2:]: _pick(value[key[2:]], more)
            for key, more in below.items()
            if key.startswith("f:") and key[2:] in value
        }
    if isinstance(value, list):
        # In the order of the object: another order would be another object.
        picked = (_member(index, member, below) for index, member in enumerate(value))
        return [member for member in picked if member is not None]
    return value


def _member(index: int, member: Json, below: Mapping[str, Any]) -> Json:
    """Return what of a list's member the keys of fieldsV1 name, None if none names it."""
    for key, more in below.items():
        kind, _, text = key.partition(":")
        if kind == "k":
            wanted = json.loads(text)
            if wanted.items() <= _with_protocol(member).items():
                return {**wanted, **_pick(member, more)}
        elif (kind == "v" and member == json.loads(text)) or (kind == "i" and index == int(text)):
            return member
    return None


def _with_protocol(member: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a member with the one key that the API server takes for granted: that of a port."""
    return {"protocol": "TCP", **member} if "containerPort" in member else member
