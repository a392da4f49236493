"""A pause of promotions: a tag on the registered model, which the MLflow UI shows."""

from typing import TYPE_CHECKING

from holdfast.errors import GateError
from holdfast.registry.record_page import sentence
from holdfast.tracking import registered_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "holdfast.promotion_paused"


def set_pause(client: "MlflowClient", name: str, reason: str) -> None:
    """Pause the promotions of a model; an empty reason ends the pause.

    Raises:
        InputError: There is no such model: a safety stop that was misspelt would stop nothing.
    """
    tags = registered_model(client, name).tags
    if reason:
        client.set_registered_model_tag(name, TAG, reason)
    elif TAG in tags:
        client.delete_registered_model_tag(name, TAG)


def require_no_pause(client: "MlflowClient", name: str) -> None:
    """Refuse a promotion while there is a pause.

    Raises:
        GateError: There is one; the message says why.
    """
    reason = client.get_registered_model(name).tags.get(TAG)
    if reason:
        raise GateError(
            f"{name} is not promoted: its promotions are paused. {sentence(reason)} End the pause "
            f"with pause_promotion(paused=False) once that is settled."
        )
