"""A pause of promotions: a tag on the registered model, which the MLflow UI shows."""

from typing import TYPE_CHECKING

from holdfast.errors import GateError
from holdfast.tracking import ensure_registered

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "holdfast.promotion_paused"


def set_pause(client: "MlflowClient", name: str, reason: str) -> None:
    """Pause the promotions of a model; an empty reason ends the pause."""
    ensure_registered(client, name)
    if reason:
        client.set_registered_model_tag(name, TAG, reason)
    elif TAG in client.get_registered_model(name).tags:
        client.delete_registered_model_tag(name, TAG)


def require_no_pause(client: "MlflowClient", name: str) -> None:
    """Refuse a promotion while there is a pause.

    Raises:
        GateError: There is one; the message says why.
    """
    reason = client.get_registered_model(name).tags.get(TAG)
    if reason:
        raise GateError(
            f"{name} is not promoted: its promotions are paused. {reason} End the pause with "
            f"pause_promotion(paused=False) once that is settled."
        )
