"""KFP interface of ingest_table."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def ingest_table(
    uri: str,
    table: dsl.Output[dsl.Dataset],
    target: str = "",
    task: str = "",
):
    """Read a CSV or Parquet file from a path or an object store into a table.

    Columns keep their names and order. A missing value is an empty CSV field or a Parquet null.
    S3 and MinIO are reached at HOLDFAST_S3_ENDPOINT (or AWS_ENDPOINT_URL) with AWS_ACCESS_KEY_ID
    and AWS_SECRET_ACCESS_KEY.

    Args:
        uri: A local path, file://PATH, s3://BUCKET/KEY or minio://BUCKET/KEY. CSV must be UTF-8
            with a header line.
        target: The column to be predicted: at least two values, none missing. Empty for a table
            without one.
        task: classification or regression. Empty to tell it from the target: text, booleans and up
            to 20 distinct whole numbers are classes.

    Returns:
        table: Parquet parts with a manifest of rows, types, hashes, target and task.
    """
    from holdfast.data.ingest_table import logic
    from holdfast.data.source import local_copy

    with local_copy(uri) as source:
        written = logic.ingest(source, table.path, target, task)
    table.metadata.update(written.metadata())
