"""KFP interface of resolve_source."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def resolve_source(
    uri: str,
    query: str = "",
) -> NamedTuple("Outputs", fingerprint=str, objects=int, bytes=int):
    """Tell what a source holds now, so that what is made of it is cached rightly.

    KFP's cache knows parameters, not what lies behind them. Switch caching off for this step
    (set_caching_options(False)) and pass its fingerprint to ingest_table: an unchanged source is
    then a cache hit, a changed one is read again.

    Args:
        uri: A path, file://, http(s)://, s3://BUCKET/KEY, minio:// or postgresql://USER@HOST/NAME;
            a directory, a prefix ending with / or a glob stands for all its objects.
        query: A SELECT; with postgresql:// only. It is run to its end.

    Returns:
        fingerprint: sha256 over the objects' names, versions and sizes. The version is a store's
            or a server's ETag, else the content's sha256; of a query, the sha256 of its rows.
        objects: How many objects there are; 1 for a query.
        bytes: Their size; of a query, that of its rows in memory.
    """
    from holdfast.data.resolve_source import logic

    found = logic.resolve(uri, query)
    return (found.fingerprint, found.objects, found.bytes)
