"""The API server's InferenceServices: get, apply, delete, watch."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.deployment.cluster import (
    TIMEOUT,
    TRANSIENT,
    Call,
    Cluster,
    ConflictError,
    NotFoundError,
    explained,
)
from holdfast.deployment.inference_service import (
    GROUP,
    MANAGER,
    PLURAL,
    VERSION,
    InferenceService,
)
from holdfast.errors import InputError

APPLY = "application/apply-patch+yaml"


class InferenceServices:
    """The InferenceServices of a namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._place = (GROUP, VERSION, cluster.namespace, PLURAL)

    def _call(self, verb: str, name: str) -> Call:
        return Call(verb, f"{PLURAL}.{GROUP}", self.cluster.namespace, name)

    def get(self, name: str) -> InferenceService | None:
        """Return one, None if there is none."""

        def request() -> Any:
            return self.cluster.objects().get_namespaced_custom_object(
                *self._place, name, _request_timeout=TIMEOUT
            )

        try:
            return InferenceService(self.cluster.ask(self._call("get", name), request))
        except NotFoundError:
            return None

    def apply(
        self, body: Mapping[str, Any], force: bool = False, dry_run: bool = False
    ) -> InferenceService:
        """Apply fields as their manager, on the server's side.

        What it owned, and is no longer in `body`, goes.

        Raises:
            InputError: Somebody else manages one of the fields and `force` is False, a value is
                not valid, or there is no such namespace.
        """
        name = body["metadata"]["name"]

        def request() -> Any:
            answer = self.cluster.objects().patch_namespaced_custom_object(
                *self._place, name, body, field_manager=MANAGER, force=force,
                dry_run="All" if dry_run else None, _content_type=APPLY, _request_timeout=TIMEOUT,
                _preload_content=False,
            )  # fmt: skip
            # The client knows no 201, which is the answer where a patch makes the object: it would
            # return nothing. This raises its error for what is no success.
            self.cluster.client.response_deserialize(answer, {})
            return json.loads(answer.data)

        try:
            return InferenceService(self.cluster.ask(self._call("patch", name), request))
        except ConflictError as error:
            # What KServe's webhook adds to what we apply is marked as ours, but as an update.
            if force or error.managers != {MANAGER}:
                raise
            return self.apply(body, True, dry_run)
        except NotFoundError as error:
            raise InputError(
                f"`namespace` must be one of the cluster's. Found: {self.cluster.namespace!r} "
                f"({error}). Make it, or name another."
            ) from error

    def delete(self, service: InferenceService) -> None:
        """Delete one, and not another that has taken its name since."""

        def request() -> Any:
            return self.cluster.objects().delete_namespaced_custom_object(
                *self._place, service.name, body={"preconditions": {"uid": service.uid}},
                _request_timeout=TIMEOUT,
            )  # fmt: skip

        try:
            self.cluster.ask(self._call("delete", service.name), request)
        except (NotFoundError, ConflictError):
            # It is gone, or its name is another's: the uid is the only thing that can conflict.
            return

    def watch(self, service: InferenceService, seconds: float) -> Iterator[InferenceService | None]:
        """Yield every later state for up to so many seconds, None if it is deleted.

        Ends early where the connection breaks or the state to start from is too old (410): get it
        again, and watch on.
        """
        from kubernetes.client import ApiException
        from kubernetes.watch import Watch
        from urllib3.exceptions import HTTPError

        whole = max(1, math.ceil(seconds))
        try:
            for event in Watch().stream(
                self.cluster.objects().list_namespaced_custom_object, *self._place,
                field_selector=f"metadata.name={service.name}",
                resource_version=service.resource_version, timeout_seconds=whole,
                _request_timeout=(5, whole + 5),
            ):  # fmt: skip
                if event["type"] == "DELETED":
                    yield None
                elif event["type"] in ("ADDED", "MODIFIED"):
                    yield InferenceService(event["object"])
        except ApiException as error:
            if error.status != 410 and error.status not in TRANSIENT:
                raise explained(error, self._call("watch", service.name)) from error
            print(f"the watch ended with {error.status}; it starts again", flush=True)
        except (HTTPError, OSError, json.JSONDecodeError) as error:
            print(f"the watch broke ({type(error).__name__}); it starts again", flush=True)
