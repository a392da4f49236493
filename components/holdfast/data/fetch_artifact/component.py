"""KFP interface of fetch_artifact."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def fetch_artifact(
    uri: str,
    artifact: dsl.Output[dsl.Artifact],
    fingerprint: str = "",
    optional: bool = False,
):
    """Take a file or a folder that was kept elsewhere into a run: a schema, a baseline, a profile.

    Args:
        uri: A path, file://, http(s)://, s3://BUCKET/KEY or minio://. A prefix ending with / or a
            directory becomes a folder with the same relative names, hidden ones included.
        fingerprint: What resolve_source told of it; another content by now is refused. Empty for
            any.
        optional: Whether nothing there, or an empty uri, gives an empty file instead of an error;
            validation then answers no_baseline.

    Returns:
        artifact: The file or folder, as it was found.
    """
    from holdfast.data.fetch_artifact import logic

    found = logic.fetch(uri, artifact.path, fingerprint, optional)
    artifact.metadata.update(found.metadata())
