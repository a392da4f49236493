"""What the validation family reads: schemas, profiles, expectations, changes and conditions."""

import atexit
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.profiles.profile import FILE, profile_batches, read_profile
from holdfast.validation.expectations import read_expectations
from holdfast.validation.profile_page import report
from holdfast.validation.schema import constraints, named_domains, read_schema, write_schema
from holdfast.validation.update_schema.logic import update_schema
from tests.fuzz.parsers.target import Target, text

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
ROWS = pa.table({"age": [1.5, 2.0, None], "sex": ["f", None, "m"]})
SCHEMA = b"""
feature { name: "age" type: FLOAT presence { min_fraction: 1.0 } float_domain { min: 0 max: 120 } }
feature { name: "sex" type: BYTES domain: "sexes" not_in_environment: "serving" }
string_domain { name: "sexes" value: "f" value: "m" }
"""
EXPECTATIONS = b"""
policies: {enum_type_unexpected_string_values: quarantine}
rules:
  - {rule: condition, sql: '"age" < 25', policy: quarantine}
  - {rule: unique, columns: [age], policy: warn}
"""
CHANGES = b"""
environments: [training, serving]
columns:
  age: {min: 0, max: 99.5, sensitive: true, required_share: 1.0, drift: {jensen_shannon: 0.1}}
  sex: {domain: [f], add_to_domain: [m], min_domain_mass: 0.5, not_in: [serving]}
"""


def schema(data: bytes) -> None:
    """Read a schema, say what it asks, and write it again."""
    (FOLDER / "schema").write_bytes(data)
    found = read_schema(FOLDER / "schema")
    named = named_domains(found)
    for feature in found.feature:
        constraints(feature, named).encode()
    write_schema(found, FOLDER / "again")


def profile(data: bytes) -> None:
    """Read a profile from bytes, and show it."""
    (FOLDER / FILE).write_bytes(data)
    report(read_profile(FOLDER)).html().encode()


def expectations(data: bytes) -> None:
    """Read expectations of a table with two columns."""
    read_expectations(text(data), ["age", "sex"], ["sex"])


def changes(data: bytes) -> None:
    """Change a schema."""
    (FOLDER / "schema").write_bytes(SCHEMA)
    changed = update_schema(read_schema(FOLDER / "schema"), text(data))
    assert isinstance(changed, Schema)


def small_profile() -> bytes:
    """Return a profile's file."""
    made = profile_batches(ROWS.schema, ROWS.to_batches(), 0, 0)
    made.write(FOLDER / "profile")
    # Without compression, so that bytes that change are values that change.
    pq.write_table(pq.read_table(FOLDER / "profile" / FILE), FOLDER / "plain", compression="none")
    return (FOLDER / "plain").read_bytes()


TARGETS = {
    "schema": Target(schema, (SCHEMA,), (InputError,)),
    "profile": Target(profile, (small_profile(),), (InputError,)),
    "expectations": Target(expectations, (EXPECTATIONS,), (InputError,)),
    "changes": Target(changes, (CHANGES,), (InputError,)),
}
