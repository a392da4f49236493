"""KFP interface of ingest_table."""

from typing import Dict, List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def ingest_table(
    uri: str,
    table: dsl.Output[dsl.Dataset],
    target: str = "",
    task: str = "",
    fingerprint: str = "",
    query: str = "",
    format: str = "",  # noqa: A002
    delimiter: str = "",
    encoding: str = "",
    compression: str = "",
    columns: List[str] = [],  # noqa: B006
    where: str = "",
    types: Dict[str, str] = {},  # noqa: B006
    null_values: List[str] = [],  # noqa: B006
    max_bytes: int = 100_000_000_000,
    allow_empty: bool = False,
):
    """Read CSV, Parquet, JSON lines or a PostgreSQL query into a table.

    Columns keep their names. A CSV column's type is told from all its values: 007 stays text, but
    a column of yes and no alone (or true and false, t and f) is boolean, with the classes True and
    False; types={"churned": "string"} keeps the text. What differs between parts is text. A missing
    value is an empty CSV field, a null or an absent key. Stores are reached at
    HOLDFAST_S3_ENDPOINT (or AWS_ENDPOINT_URL) with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
    PostgreSQL with PGPASSWORD. Broken transfers are tried again; a source that changes while it is
    read is refused. Pass the fingerprint of resolve_source, or switch caching off for this step.

    Args:
        uri: A path, file://, http(s)://, s3://BUCKET/KEY, minio:// or postgresql://USER@HOST/NAME.
            A directory or a prefix ending with / is read as one table (names that begin with _ or
            . are left out), and so is a glob (* ? **).
        target: The column to be predicted: at least two values, none missing. Empty for a table
            without one.
        task: classification or regression. Empty to tell it from the target: text, booleans and up
            to 20 distinct whole numbers are classes.
        fingerprint: What resolve_source told; another source by now is refused. Empty for any.
        query: A SELECT; with postgresql:// only, and needed there.
        format: csv, parquet or jsonl. Empty to tell it from the content.
        delimiter: Of CSV. Empty for the one of , ; tab | that its header holds most of.
        encoding: Any of Python's, or detect for a guess. Empty for UTF-8, or UTF-16/32 by its mark.
        compression: none, gzip, bz2, zstd or xz. Empty to tell it from the content.
        columns: The columns to keep, in this order. Empty for all.
        where: A SQL condition (DuckDB's) over the source's columns; rows that meet it are kept.
        types: Column to int64, float64, string, bool, date32, timestamp (without an offset) or
            timestamp[us, tz=UTC]. The others are told from all values; times must be ISO 8601.
        null_values: Texts besides the empty one that mean a missing value, such as NA.
        max_bytes: The most that is read, decompressed.
        allow_empty: Whether a source without rows is an empty table instead of an error.

    Returns:
        table: Parquet parts with a manifest of rows, types, hashes, target and task.
            Gives: {target: $target, task: $task, columns: $columns, types: $types}
    """
    from holdfast.data.ingest_table.logic import write
    from holdfast.data.ingest_table.opening import open_rows
    from holdfast.data.ingest_table.rows import Reading

    reading = Reading(
        format, delimiter, encoding, compression, columns, where, types, null_values, max_bytes
    )
    with open_rows(uri, query, reading, fingerprint) as rows:
        written = write(rows, table.path, target, task, allow_empty)
    table.metadata.update({**written.metadata(), **rows.metadata()})
