"""KFP interface of export_artifact."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def export_artifact(
    artifact: dsl.Input[dsl.Artifact],
    uri: str,
) -> NamedTuple("Outputs", files=int, written=bool):
    """Keep an artifact elsewhere: a schema, a baseline or a report that later runs fetch.

    Args:
        artifact: A file or a folder.
        uri: Where to: a path, file://, s3:// or minio://. One file goes to that very name; a
            folder goes below it, and uri ends with /. What is there under other names stays.

    Returns:
        files: How many files the artifact has.
        written: Whether anything was written: false if the same files are there already.
    """
    from holdfast.data.export_artifact import logic

    done = logic.export(artifact.path, uri)
    return (done.files, done.written)
