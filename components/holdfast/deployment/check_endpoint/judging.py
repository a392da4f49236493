"""What is wrong with an answer: its status, what it says of itself, and its predictions."""

import json
import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from holdfast.deployment.check_endpoint.calls import Call, Sample
from holdfast.deployment.endpoint import Answer, fallback_of
from holdfast.verdict import Reason

SHOWN = 5
REFUSALS = range(400, 500)


def document_of(answer: Answer) -> Any:
    """Return the JSON of an answer; None where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def judge(call: Call, answer: Answer, sample: Sample, declared: Any) -> tuple[Reason, ...]:
    """Return what is wrong with an answer.

    Args:
        call: What was asked.
        answer: What came back.
        sample: The rows that were sent.
        declared: What the metadata says of the outputs; None where it says nothing.
    """
    if answer.status == 0:
        text = f"Nobody answered {call.method} {call.path}: {answer.fault}."
        return (_reason("unreachable", call, answer.fault, "an answer", text),)
    if call.kind in ("malformed", "wrong_types"):
        return _refused(call, answer)
    if call.kind == "unknown":
        return _unknown(call, answer)
    if answer.status != 200:
        return (_status(call, answer),)
    document = document_of(answer)
    if call.kind == "predict":
        return tuple(predictions(call, document, sample, declared))
    return _state(call, document)


def _status(call: Call, answer: Answer) -> Reason:
    found = str(answer.status)
    if 300 <= answer.status < 400:
        place = urlsplit(answer.location)
        text = f"{call.path} sends its client to {place.scheme}://{place.hostname}{place.path}."
        return _reason("redirected", call, found, "200", text)
    if answer.status in (401, 403):
        text = f"{call.path} asks for other credentials (HTTP {found})."
        return _reason("not_allowed", call, found, "200", text)
    codes = {"live": "not_live", "ready": "not_ready", "model_ready": "not_ready"}
    code = codes.get(call.kind, "refused" if answer.status in REFUSALS else "server_error")
    # An answer's text may repeat the values of the rows: it is not shown.
    return _reason(code, call, found, "200", f"{call.method} {call.path} answers {found}.")


def _refused(call: Call, answer: Answer) -> tuple[Reason, ...]:
    if answer.status in REFUSALS:
        return ()
    code = "malformed_accepted" if answer.status < 400 else "malformed_not_refused"
    text = f"A {call.kind.replace('_', ' ')} request gets {answer.status} and not a 4xx."
    return (_reason(code, call, str(answer.status), "4xx", text),)


def _unknown(call: Call, answer: Answer) -> tuple[Reason, ...]:
    if answer.status == 404:
        return ()
    effect = "warn" if answer.status in REFUSALS else "fail"
    text = f"A model that is not there gets {answer.status} and not 404."
    return (_reason("unknown_model_not_404", call, str(answer.status), "404", text, effect),)


def _state(call: Call, document: Any) -> tuple[Reason, ...]:
    """Judge what a server says of itself or its model."""
    said = document if isinstance(document, dict) else {}
    if call.kind == "metadata":
        expected = call.path.rpartition("/")[2]
        if said.get("name") == expected:
            return ()
        text = f"The metadata name {said.get('name')!r} and not {expected!r}."
        return (_reason("wrong_metadata", call, repr(said.get("name")), expected, text),)
    states = [said[key] for key in ("live", "ready") if key in said]
    if all(state in (True, "true", "True") for state in states):
        return ()
    code = "not_live" if call.kind == "live" else "not_ready"
    return (_reason(code, call, str(states), "true", f"{call.path} says {states}, not true."),)


def predictions(call: Call, document: Any, sample: Sample, declared: Any) -> list[Reason]:
    """Judge the predictions of an answer of V1 or V2."""
    key = "predictions" if call.protocol == "v1" else "outputs"
    found = document.get(key) if isinstance(document, dict) else None
    if isinstance(document, dict) and fallback_of(document):
        text = "The answer is marked as that of a fallback: the model itself did not answer."
        return [_reason("fallback", call, fallback_of(document), "the model's own answer", text)]
    if not isinstance(found, list) or not found:
        text = f"The answer to the rows holds no list of {key}."
        return [_reason("no_predictions", call, type(found).__name__, f"{key}: [...]", text)]
    if call.protocol == "v1":
        return _of_v1(call, found, sample)
    return [reason for output in found for reason in _of_v2(call, output, sample, declared)]


def _of_v1(call: Call, found: Sequence[Any], sample: Sample) -> list[Reason]:
    if len(found) != sample.rows:
        return [_count(call, len(found), sample.rows)]
    reasons = _finite(call, _leaves(found))
    widths = {_width(value) for value in found if not isinstance(value, dict)}
    outputs = sample.model.outputs
    expected = {sum(output.width for output in outputs)} if outputs else widths
    # Probabilities stand for the class.
    expected |= {len(sample.model.classes)} if sample.model.classes else set()
    if len(widths) > 1 or not widths <= expected:
        text = "The predictions have another shape than the model's signature declares."
        reasons.append(_reason("wrong_shape", call, str(sorted(widths)), str(expected), text))
    return reasons + _classes(call, [v for v in found if isinstance(v, str)], sample)


def _of_v2(call: Call, output: Any, sample: Sample, declared: Any) -> list[Reason]:
    try:
        name, shape = str(output["name"]), [int(size) for size in output["shape"]]
        values, kind = list(_leaves(output["data"])), str(output["datatype"])
    except (TypeError, KeyError, ValueError):
        text = "An output lacks its name, shape, datatype or data."
        return [_reason("no_predictions", call, "an incomplete output", "a tensor", text)]
    if not shape or shape[0] != sample.rows:
        return [_count(call, shape[0] if shape else 0, sample.rows)]
    reasons = [] if kind == "BYTES" else _finite(call, values)
    said = {o["name"]: o for o in declared if isinstance(o, dict) and "name" in o}
    tail = said[name].get("shape", [-1])[1:] if name in said else []
    fixed = all(size > 0 for size in tail)
    short = math.prod(shape) != len(values)
    if short or (name in said and fixed and math.prod(tail) != math.prod(shape[1:])):
        text = f"Output {name!r} has another shape than is declared, or than its values have."
        expected = str(said[name].get("shape")) if name in said else str(shape)
        seen = f"{shape} with {len(values)} values"
        reasons.append(_reason("wrong_shape", call, seen, expected, text))
    if kind == "BYTES" and math.prod(shape) == sample.rows:
        reasons += _classes(call, values, sample)
    return reasons


def _count(call: Call, found: int, rows: int) -> Reason:
    text = f"{rows} rows were sent, and {found} predictions came back."
    return _reason("wrong_count", call, str(found), str(rows), text)


def _finite(call: Call, values: Sequence[Any]) -> list[Reason]:
    bad = [v for v in values if v is None or (isinstance(v, float) and not math.isfinite(v))]
    if not bad:
        return []
    text = f"{len(bad)} of {len(values)} predicted values are missing or not finite."
    return [_reason("not_finite", call, str(bad[:SHOWN]), "finite numbers or labels", text)]


def _classes(call: Call, values: Sequence[Any], sample: Sample) -> list[Reason]:
    known = {str(name) for name in sample.model.classes}
    strange = sorted({str(value) for value in values} - known) if known else []
    if not strange:
        return []
    text = f"{len(strange)} predicted labels are none of the model's {len(known)} classes."
    return [_reason("unknown_class", call, str(strange[:SHOWN]), "a class of the model", text)]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]
    )


def _width(value: Any) -> int:
    return len(_leaves(value))


def version_reasons(wanted: int, told: dict[str, str]) -> tuple[Reason, ...]:
    """Return what is wrong with the versions that answered, by call; 0 wants any."""
    if not wanted:
        return ()
    if not told:
        text = f"Version {wanted} was expected, and no answer says which version it is of."
        return (Reason("version_unknown", "version", "none", str(wanted), text, "fail"),)
    wrong = {call: said for call, said in told.items() if said != str(wanted)}
    return tuple(
        Reason("wrong_version", call, said, str(wanted),
               f"Version {said} answered {call}, and not version {wanted}.", "fail")
        for call, said in wrong.items()
    )  # fmt: skip


def _reason(
    code: str, call: Call, found: str, expected: str, text: str, effect: str = "fail"
) -> Reason:
    return Reason(code, call.name, found, expected, text, effect)
