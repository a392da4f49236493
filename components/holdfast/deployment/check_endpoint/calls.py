"""What an endpoint is asked in a smoke test."""

import json
from dataclasses import dataclass

from holdfast.deployment.endpoint import Endpoint, Protocol
from holdfast.deployment.examples import NOTHING, Described, body_of, read_example, read_model
from holdfast.errors import InputError

MALFORMED = b'{"instances": [{'
WRONG_TYPES = {
    "v1": {"instances": "no rows"},
    "v2": {"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": ["a"]}]},
}


@dataclass(frozen=True)
class Sample:
    """The rows that are sent: the body by protocol, how many rows, and what the model declares."""

    bodies: dict[Protocol, bytes]
    rows: int
    model: Described = NOTHING


@dataclass(frozen=True)
class Call:
    """One call: `kind` is live, ready, metadata, predict, malformed or unknown."""

    kind: str
    protocol: Protocol
    method: str
    path: str
    body: bytes | None = None

    @property
    def name(self) -> str:
        """Return what tables and metrics call it."""
        return f"{self.protocol}_{self.kind}"


def take_sample(model: str, request: str, wanted: tuple[Protocol, ...]) -> Sample:
    """Return what is sent: a request that is given, or the model's input example.

    Raises:
        InputError: There is neither, or the request is of another protocol.
    """
    described = read_model(model)
    if request:
        return _given(request, wanted, described)
    if not model:
        raise InputError(
            "`model` or `request` must be given: the endpoint is asked for real rows. Found: "
            "neither. Pass the model that is served, or a JSON body."
        )
    rows = read_example(model)
    bodies = {protocol: body_of(rows, described.types, protocol) for protocol in wanted}
    return Sample(bodies, len(rows), described)


def _given(request: str, wanted: tuple[Protocol, ...], described: Described) -> Sample:
    try:
        document = json.loads(request)
        protocol: Protocol = "v1" if "instances" in document else "v2"
        first = document["instances"] if protocol == "v1" else document["inputs"][0]["shape"]
        rows = len(first) if protocol == "v1" else int(first[0])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise InputError(
            f'`request` must be a JSON body: {{"instances": [...]}} of V1 or {{"inputs": [...]}} '
            f"of V2. Found: {type(error).__name__}: {error}. Leave it out to send the input "
            f"example of `model`."
        ) from error
    if wanted != (protocol,):
        raise InputError(
            f"`protocol` must be that of `request`. Expected: {protocol}. Found: "
            f"{' and '.join(wanted)}. Pass protocol={protocol}, or leave `request` out."
        )
    return Sample({protocol: request.encode()}, rows, described)


def calls_of(endpoint: Endpoint, sample: Sample) -> list[Call]:
    """Return the calls in their order: whether it is there, what it is, and what it answers.

    V1 has no call for the server itself: the model's own state stands for it.
    """
    found: list[Call] = []
    for protocol, body in sample.bodies.items():
        predict = endpoint.path(protocol)
        about = predict.removesuffix(":predict").removesuffix("/infer")
        unknown = endpoint.path(protocol, f"{endpoint.model_name}-is-not-here")
        if protocol == "v2":
            found += [
                Call("live", protocol, "GET", "/v2/health/live"),
                Call("ready", protocol, "GET", "/v2/health/ready"),
                Call("model_ready", protocol, "GET", f"{about}/ready"),
                Call("metadata", protocol, "GET", about),
            ]
        else:
            found.append(Call("model_ready", protocol, "GET", about))
        wrong = json.dumps(WRONG_TYPES[protocol]).encode()
        found += [
            Call("predict", protocol, "POST", predict, body),
            Call("malformed", protocol, "POST", predict, MALFORMED),
            Call("wrong_types", protocol, "POST", predict, wrong),
            Call("unknown", protocol, "POST", unknown, body),
        ]
    return found
