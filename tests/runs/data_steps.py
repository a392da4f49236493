"""What the tests of sources call in the family's environment: STEP JSON, and JSON comes back."""

import json
import re
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path


def ingest(uri, path="", query="", fingerprint="", target="", **reading):
    from holdfast.data.ingest_table.logic import write
    from holdfast.data.ingest_table.opening import open_rows
    from holdfast.data.ingest_table.rows import Reading

    with tempfile.TemporaryDirectory() as folder:
        path = path or f"{folder}/table"
        with open_rows(uri, query, Reading(**reading), fingerprint) as rows:
            table = write(rows, path, target)
        head = json.loads(json.dumps(table.head(5).to_pylist(), default=str))
        types = [str(kind) for kind in table.schema.types]
        return {"rows": table.rows, "types": types, "head": head, "metadata": rows.metadata()}


def resolve(uri, query=""):
    from holdfast.data.resolve_source import logic

    return asdict(logic.resolve(uri, query))


def export(table, uri, table_name=""):
    from holdfast.data.export_table import logic
    from holdfast.table import open_table

    return asdict(logic.export(open_table(table), uri, table_name))


def fetch(uri, path, **more):
    from holdfast.data.fetch_artifact import logic

    return asdict(logic.fetch(uri, path, **more))


def keep(path, uri):
    from holdfast.data.export_artifact import logic

    return asdict(logic.export(path, uri))


def read_after_change(uri, change):
    """List an object, change it, read what was listed."""
    from holdfast.data.sources.places import place_of

    place = place_of(uri)
    (part,) = place.parts()
    place.client.fput_object(bucket_name=place.bucket, object_name=place.key, file_path=change)
    with tempfile.TemporaryDirectory() as folder:
        place.fetch(part, Path(folder) / "0", 10**9)


def flat(uri, query):
    """Read a large result, and tell the peak of this process's memory in MB."""
    from holdfast.data.sources.postgresql import selected

    with selected(uri, query) as reader:
        rows = sum(batch.num_rows for batch in reader)
    # Not getrusage's: that is at least what the process that started this one had.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]
    return {"rows": rows, "peak": int(peak) // 1024}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
