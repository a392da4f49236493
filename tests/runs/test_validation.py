"""The validation pipeline as a user runs it, and again the next day."""

import csv
import json
from pathlib import Path

import pytest

from tests.support import Result, holdfast, tasks

RULES = """
policies: {enum_type_unexpected_string_values: quarantine}
rules:
  - {rule: unique, columns: [trip], policy: quarantine}
  - {rule: condition, sql: "start <= stop", policy: quarantine}
  - {rule: row_count, min: 50}
"""


def write_trips(path: Path, rows: int = 200, **odd: dict[str, object]) -> Path:
    """Write trips of which the given rows differ in some columns."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["trip", "start", "stop", "kind"])
        writer.writeheader()
        for number in range(rows):
            row = {"trip": number, "start": number, "stop": number + 5, "kind": "ab"[number % 2]}
            writer.writerow(row | odd.get(f"row{number}", {}))
    return path


def validate(folder: Path, uri: str | Path, *more: str, **variables: str) -> Result:
    """Run the pipeline; what it exports goes below the folder."""
    return holdfast(
        "run", "validation", "--json", "--output", folder / "output",
        "-p", f"uri={uri}", "-p", f"expectations={RULES}",
        "-p", f"accepted_uri={folder}/accepted/", "-p", f"quarantine_uri={folder}/aside/",
        *more, **variables,
    )  # fmt: skip


def rows_in(folder: Path) -> int:
    """Return how many rows a table in a folder has."""
    return json.loads((folder / "_manifest.json").read_text())["rows"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Run without a schema, and keep what it proposes."""
    folder = tmp_path_factory.mktemp("first")
    result = validate(folder, write_trips(folder / "trips.csv"))
    outputs = result.document["outputs"]
    kept = ["-p", f"schema_uri={outputs['proposed_schema']['uri']}"]
    kept += ["-p", f"baseline_uri={outputs['profile']['uri']}"]
    return result, kept


def test_without_a_schema_there_is_nothing_to_compare_with_and_one_is_proposed(first):
    result, _ = first
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert outputs["decision"] == "no_baseline"
    assert (outputs["accepted_rows"], outputs["quarantined_rows"]) == (200, 0)
    assert 'name: "trip"' in Path(outputs["proposed_schema"]["uri"]).read_text()


def test_the_next_day_good_rows_go_on_and_bad_ones_are_set_aside(first, tmp_path):
    # Of 200 rows, 3 are more than the one in a hundred that the schema tolerates.
    zebras = {f"row{number}": {"kind": "zebra"} for number in (21, 22, 23)}
    odd = {"row7": {"trip": 6}, "row20": {"stop": 0}, **zebras}
    result = validate(tmp_path, write_trips(tmp_path / "trips.csv", **odd), *first[1])
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert outputs["decision"] == "warn"
    assert (outputs["accepted_rows"], outputs["quarantined_rows"]) == (195, 5)
    assert (rows_in(tmp_path / "accepted"), rows_in(tmp_path / "aside")) == (195, 5)


def test_a_bad_day_exports_no_good_rows_but_keeps_those_set_aside(first, tmp_path):
    odd = {"row3": {"stop": 0}}
    result = validate(tmp_path, write_trips(tmp_path / "trips.csv", rows=40, **odd), *first[1])
    assert result.code == 1
    assert "rows 40, expected at least 50" in result.document["error"].lower()
    assert rows_in(tmp_path / "aside") == 1
    assert not (tmp_path / "accepted").exists()
    assert list(tasks(result))[-1] == "check-verdict"


def test_an_object_store_serves_source_schema_baseline_and_exports(first, store, tmp_path):
    client = store.client()
    uri = store.put("lake", "in/trips.csv", write_trips(tmp_path / "trips.csv"))
    schema = first[0].document["outputs"]["proposed_schema"]["uri"]
    places = {
        "uri": uri,
        "schema_uri": store.put("lake", "kept/schema.pbtxt", Path(schema)),
        "baseline_uri": "s3://lake/kept/profile/",
        "accepted_uri": "s3://lake/out/trips.parquet",
        "quarantine_uri": "s3://lake/aside/2026-11-21/",
    }
    for file in Path(first[0].document["outputs"]["profile"]["uri"]).iterdir():
        store.put("lake", f"kept/profile/{file.name}", file)
    parameters = [part for k, v in places.items() for part in ("-p", f"{k}={v}")]
    command = ["run", "validation", "--json", "--output", tmp_path, *parameters]
    result = holdfast(*command, **store.variables)
    assert result.code == 0, result.stderr
    assert result.document["outputs"]["decision"] == "pass"
    names = {o.object_name for o in client.list_objects("lake", recursive=True)}
    assert "out/trips.parquet" in names
    assert "aside/2026-11-21/_manifest.json" in names
    again = holdfast(*command, **store.variables)
    written = [
        tasks(again)[name]["outputs"]["written"] for name in ("export-table", "export-table-2")
    ]
    assert written == [False, False]
    assert {o.object_name for o in client.list_objects("lake", recursive=True)} == names


@pytest.mark.docker
def test_both_runners_agree_on_validation(engine, first, tmp_path):
    odd = {"row7": {"trip": 6}}
    table = write_trips(tmp_path / "trips.csv", **odd)
    results = []
    for runner in ("venv", "docker"):
        folder = tmp_path / runner
        folder.mkdir()
        results.append(validate(folder, table, "--runner", runner, *first[1]))
        assert results[-1].code == 0, results[-1].stderr
    manifests = [
        [
            (tmp_path / runner / name / "_manifest.json").read_text()
            for name in ("accepted", "aside")
        ]
        for runner in ("venv", "docker")
    ]
    assert manifests[0] == manifests[1]
    profiles = [Path(r.document["outputs"]["profile"]["uri"]) for r in results]
    for name in ("FeatureStats.pb", "profile.parquet"):
        assert (profiles[0] / name).read_bytes() == (profiles[1] / name).read_bytes()
