"""KFP interface of export_table."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def export_table(
    table: dsl.Input[dsl.Dataset],
    uri: str,
    table_name: str = "",
) -> NamedTuple("Outputs", rows=int, written=bool):
    """Write a table to a file, an object store or PostgreSQL: all of it or nothing.

    Exporting the same table again writes nothing. Whoever reads while it is written sees the old
    rows or the new ones. Switch caching off for this step if others write there, too.

    Args:
        table: The table; it may be empty.
        uri: Where to: a path, file://, s3:// or minio:// that ends with .parquet or .csv for one
            file, or with / for a table in parts with its manifest, which ingest_table reads; or
            postgresql://USER@HOST/NAME, with PGPASSWORD.
        table_name: In PostgreSQL: TABLE or SCHEMA.TABLE. It is made if it is not there, else its
            rows are replaced.

    Returns:
        rows: How many rows the table has.
        written: Whether anything was written: false if the same table is there already.
    """
    from holdfast.data.export_table import logic
    from holdfast.table import open_table

    done = logic.export(open_table(table.path), uri, table_name)
    return (done.rows, done.written)
