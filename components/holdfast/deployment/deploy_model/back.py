"""The way back: what was there before this step changed it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdfast.deployment.cluster import Tries
from holdfast.deployment.inference_service import InferenceService
from holdfast.deployment.owned import owned
from holdfast.deployment.services import InferenceServices
from holdfast.deployment.waiting import Patience, ready_as, wait
from holdfast.errors import HoldfastError, InputError

# Seconds for the way back; what was there before needs no new image.
BACK = 120.0


@dataclass(frozen=True)
class Options:
    """How it is done: `force` takes fields over from other managers, `dry_run` changes nothing."""

    namespace: str = ""
    force: bool = False
    dry_run: bool = False
    patience: Patience = field(default_factory=Patience)
    tries: Tries = field(default_factory=Tries)


def options(namespace: str, timeout_seconds: int, force: bool, dry_run: bool) -> Options:
    """Return how it is done.

    Raises:
        InputError: No time is left for it to get Ready.
    """
    if timeout_seconds < 1:
        raise InputError(
            f"`timeout_seconds` must be at least 1. Found: {timeout_seconds}. The usual one is 600."
        )
    return Options(namespace, force, dry_run, Patience(float(timeout_seconds)))


def try_back(
    services: InferenceServices,
    before: InferenceService | None,
    name: str,
    options: Options,
    say: Callable[[str], None],
) -> str:
    """Go back if that is possible, and return what to say of it."""
    try:
        now = services.get(name)
        if now is None:
            return f"There is no {name}."
        return go_back(services, before, now, options, say)[1]
    except HoldfastError:
        return f"It could not be taken back: {name} stays as this step applied it."


def go_back(
    services: InferenceServices,
    before: InferenceService | None,
    now: InferenceService,
    options: Options,
    say: Callable[[str], None],
) -> tuple[str, str, InferenceService | None]:
    """Apply the spec before, or delete what was new.

    Returns:
        What was done, what to say of it, and what is there now.

    Raises:
        HoldfastError: The API server does not take it.
    """
    if before is None:
        services.delete(now)
        message = f"{now.name} was new and has been deleted again."
        say(message)
        return "deleted", message, None
    # Without force only our own fields can have changed; with it, anybody's.
    body = _whole(before) if options.force else owned(before)
    back = services.apply(body, force=options.force)
    patience = Patience(min(BACK, options.patience.seconds), options.patience.settle)
    version = before.annotations.get("holdfast/model-version", "")
    try:
        outcome = wait(services, back, ready_as(now, True, None, patience), patience, say)
        left = outcome.service
        state = "is Ready" if outcome.reached else f"is not Ready yet ({outcome.lacking})"
    except HoldfastError:
        left, state = back, "in a state that nobody tells"
    message = (
        f"The previous spec of {now.name}"
        + (f", model version {version}," if version else "")
        + f" is applied again and {state}."
    )
    say(message)
    return "rolled back", message, left


def _whole(service: InferenceService) -> dict[str, Any]:
    """Return all that people wrote of an object, to be applied again."""
    kept = {k: service.document["metadata"].get(k) or {} for k in ("labels", "annotations")}
    return {
        **{key: service.document[key] for key in ("apiVersion", "kind", "spec")},
        "metadata": {"name": service.name, **kept},
    }
