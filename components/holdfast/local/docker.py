"""The Docker runner: each task in its image, as the user that calls it.

kfp's own DockerRunner is not used: it takes a container that is gone before it is asked for its
exit code for a success, inspects all local images at each step, and mounts no input file.
"""

import os
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TextIO

from holdfast.errors import MachineError
from holdfast.local.runner import Task, tell_if_killed

if TYPE_CHECKING:
    from docker import DockerClient


class DockerRunner:
    """Runs tasks as containers.

    They share the host's network, so that `localhost` means the same to a task on either runner.
    """

    def __init__(self) -> None:
        self._client = _connect()

    def prepare(self, images: Collection[str]) -> None:
        """Check that each image is here, or can be pulled."""
        from docker.errors import APIError, ImageNotFound

        for image in images:
            try:
                self._client.images.get(image)
            except ImageNotFound:
                print(f"pulling {image}", file=sys.stderr)
                try:
                    self._client.images.pull(image)
                except APIError as error:
                    raise MachineError(
                        f"Docker must have the image {image}, and it could not be pulled. Found: "
                        f"{error.explanation}. Build it: make images"
                    ) from error

    def run(self, task: Task, log: TextIO) -> int:
        """Run a task in a container that is removed afterwards."""
        container = self._client.containers.create(
            task.image,
            task.command,
            environment=dict(task.variables),
            network_mode="host",
            user=f"{os.getuid()}:{os.getgid()}",
            volumes=_volumes(task),
            working_dir=str(task.output),
            # KFP's shell would not hear SIGTERM as the first process.
            init=True,
        )
        try:
            output = container.attach(stream=True, logs=True)
            container.start()
            for chunk in output:
                log.write(chunk.decode(errors="replace"))
                log.flush()
            return tell_if_killed(int(container.wait()["StatusCode"]), log)
        finally:
            container.remove(force=True)


def _volumes(task: Task) -> dict[str, dict[str, str]]:
    """Mount inputs and outputs under the very paths they have here."""
    modes = dict.fromkeys(map(str, task.places.read), "ro")
    modes |= dict.fromkeys(map(str, (*task.places.written, task.output)), "rw")
    return {path: {"bind": path, "mode": mode} for path, mode in modes.items()}


def _connect() -> "DockerClient":
    try:
        import docker
    except ImportError as error:
        raise MachineError("--runner docker needs: pip install docker") from error
    try:
        client: Any = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException as error:
        raise MachineError(
            "--runner docker needs a Docker engine. Found: none that answers. Start it, or use "
            "--runner venv."
        ) from error
    return client
