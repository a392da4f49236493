"""Changes to a schema: each is made, and validate_table honours it; or none is."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.validation.schema import read_schema, write_schema
from holdfast.validation.update_schema.logic import update_schema

TEXT = """
feature { name: "n" type: INT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "f" type: FLOAT float_domain { max: 9 } }
feature { name: "s" type: BYTES domain: "shared" presence { min_count: 1 } }
feature { name: "t" type: BYTES domain: "shared" annotation { tag: "kept" } }
string_domain { name: "shared" value: "x" value: "y" }
"""


def original():
    return text_format.Parse(TEXT, Schema())


def column(name, changes, environments=""):
    text = f"{{{environments} columns: {{{name}: {{{changes}}}}}}}"
    return {f.name: f for f in update_schema(original(), text).feature}[name]


def refused(changes, match):
    schema = original()
    with pytest.raises(InputError, match=rf"(?s)`changes` .*{match}"):
        update_schema(schema, changes)
    assert schema == original()


@pytest.mark.parametrize("changes", ["", "{}", "columns: {}", "columns: {n: {}}"])
def test_nothing_to_change_changes_nothing(changes):
    assert update_schema(original(), changes) == original()


def test_the_schema_that_is_given_stays_as_it_is():
    schema = original()
    update_schema(schema, "{environments: [a], columns: {n: {min: 0}, t: {remove: true}}}")
    assert schema == original()


def test_bounds_of_whole_numbers_are_written():
    domain = column("n", "min: -5, max: 120").int_domain
    assert (domain.min, domain.max) == (-5, 120)


def test_whole_numbers_beyond_2_to_53_are_written_to_the_last_digit():
    assert column("n", f"max: {2**53 + 1}").int_domain.max == 2**53 + 1
    assert column("n", f"min: {-(2**63)}").int_domain.min == -(2**63)


def test_a_bound_that_is_not_named_stays():
    domain = column("f", "min: 0.5").float_domain
    assert (domain.min, domain.max) == (0.5, 9)


def test_a_bound_that_a_schema_cannot_hold_exactly_lets_its_own_value_pass():
    domain = column("f", "min: 0.1, max: 0.7").float_domain
    assert 0.0999999 < domain.min <= 0.1 and 0.7 <= domain.max < 0.7000001


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ("columns: {s: {min: 0}}", "column 's' bounds, which are for numbers. Found: BYTES"),
        ("columns: {n: {min: 5, max: 4}}", "'n' a `min` that is not above its `max`"),
        ("columns: {f: {min: 10}}", "that is not above its `max`. Found: 10.0 and 9.0"),
        ("columns: {n: {min: 0.5}}", "'n' min 0.5, which are for whole numbers"),
        (f"columns: {{n: {{max: {2**63}}}}}", "whole numbers of 64 bits"),
        ("columns: {n: {max: 1.0e+30}}", "whole numbers of 64 bits"),
        ("columns: {f: {max: .inf}}", "columns.f.max"),
        ("columns: {f: {max: .nan}}", "columns.f.max"),
        ("columns: {f: {max: '5'}}", "columns.f.max"),
        ("columns: {n: {max: true}}", "columns.n.max"),
        ("columns: {n: {domain: [a]}}", "'n' a domain, which are for text. Found: INT"),
        ("columns: {s: {domain: [yes, no]}}", r"columns.s.domain.0: .*valid string"),
        ("columns: {n: {min_domain_mass: 0.5}}", "'n' min_domain_mass, which are for columns with"),
        ("columns: {n: {required_share: 1.5}}", "columns.n.required_share: .*less than or equal"),
        ("columns: {n: {not_in: [serving]}}", r"environments.*Found: \['serving'\] at 'n'"),
        ("columns: {n: {drift: {l_infinity: 0.1}}}", "l_infinity, which are for text"),
        ("columns: {n: {skew: {psi: 0.1}}}", "columns.n.skew.psi: Extra inputs"),
        ("columns: {n: {skew: {jensen_shannon: 0}}}", "jensen_shannon: .*greater than 0"),
        ("columns: {N: {min: 0}}", r"of the schema. Found: 'N'.*'f', 'n', 's', 't'.*case"),
        ("columns: {n: {minimum: 0}}", "columns.n.minimum: Extra inputs"),
        ("colums: {}", "colums: Extra inputs"),
        ("[]", "must be YAML"),
        ("columns: {n: {min: 0}, s: {min: 0}}", "column 's' bounds"),
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_is_refused_and_none_is_made(changes, match):
    refused(changes, match)


def test_a_new_domain_is_the_columns_own_and_others_keep_the_shared_one():
    changed = update_schema(original(), "columns: {s: {domain: [a, b, a]}}")
    assert list(changed.feature[2].string_domain.value) == ["a", "b"]
    assert changed.feature[3].domain == "shared"
    assert list(changed.string_domain[0].value) == ["x", "y"]


def test_values_are_added_to_the_domain_that_a_column_has():
    assert list(column("s", "add_to_domain: [z, x]").string_domain.value) == ["x", "y", "z"]


def test_values_are_added_to_a_domain_that_is_new():
    text = column("s", "domain: [a], add_to_domain: [b]").string_domain.value
    assert list(text) == ["a", "b"]


def test_the_mass_of_the_domain_is_written():
    mass = column("s", "min_domain_mass: 0.9").distribution_constraints.min_domain_mass
    assert mass == pytest.approx(0.9)


def test_a_required_share_takes_the_place_of_a_fixed_shape():
    changed = column("n", "required_share: 0.8")
    assert changed.presence.min_fraction == 0.8
    assert not changed.HasField("shape")
    assert (changed.value_count.min, changed.value_count.max) == (1, 1)


def test_a_required_share_of_nothing_requires_no_value_at_all():
    changed = column("s", "required_share: 0")
    assert (changed.presence.min_fraction, changed.presence.min_count) == (0, 0)


def test_environments_and_where_a_column_is_absent_are_written():
    changed = update_schema(
        original(), "{environments: [training, serving], columns: {n: {not_in: [serving]}}}"
    )
    assert list(changed.default_environment) == ["training", "serving"]
    assert list(changed.feature[0].not_in_environment) == ["serving"]
    again = update_schema(changed, "columns: {n: {not_in: []}}")
    assert not again.feature[0].not_in_environment


def test_sensitive_is_set_and_unset_and_other_tags_are_kept():
    changed = update_schema(original(), "columns: {t: {sensitive: true}}")
    assert list(changed.feature[3].annotation.tag) == ["kept", "sensitive"]
    twice = update_schema(changed, "columns: {t: {sensitive: true}}")
    assert list(twice.feature[3].annotation.tag) == ["kept", "sensitive"]
    assert update_schema(twice, "columns: {t: {sensitive: false}}") == original()


def test_comparators_are_written():
    changes = "drift: {l_infinity: 0.1, jensen_shannon: 0.2}, skew: {jensen_shannon: 0.3}"
    changed = column("s", changes)
    drift, skew = changed.drift_comparator, changed.skew_comparator
    assert drift.infinity_norm.threshold == pytest.approx(0.1)
    assert drift.jensen_shannon_divergence.threshold == pytest.approx(0.2)
    assert skew.jensen_shannon_divergence.threshold == pytest.approx(0.3)
    assert not skew.HasField("infinity_norm")


def test_a_column_is_removed_and_the_rest_stays():
    changed = update_schema(original(), "columns: {n: {remove: true}}")
    assert [f.name for f in changed.feature] == ["f", "s", "t"]


def test_a_changed_schema_survives_its_text(tmp_path):
    changes = """
    environments: [serving]
    columns:
      n: {min: 0, max: 9007199254740993, required_share: 0.5, not_in: [serving]}
      s: {domain: ["größe", "a \\"b\\""], sensitive: true, drift: {l_infinity: 0.1}}
    """
    changed = update_schema(original(), changes)
    write_schema(changed, tmp_path / "schema")
    assert read_schema(tmp_path / "schema") == changed


# What validate_table makes of it.

GOOD = {"n": list(range(10)), "f": [0.5] * 10, "s": ["x", "y"] * 5}


@pytest.mark.parametrize(
    ("changes", "now", "codes"),
    [
        ("n: {max: 8}", {}, ["int_type_big_int"]),
        ("n: {min: 1}", {}, ["int_type_small_int"]),
        ("n: {min: 0, max: 9}", {}, []),
        ("f: {min: 0.6}", {}, ["float_type_small_float"]),
        ("f: {max: 0.4}", {}, ["float_type_big_float"]),
        ("f: {min: 0.1, max: 0.7}", {"f": [0.1, 0.7] * 5}, []),
        ("s: {domain: [x]}", {}, ["enum_type_unexpected_string_values"]),
        ("s: {domain: []}", {}, ["enum_type_unexpected_string_values"]),
        ("s: {add_to_domain: [z]}", {"s": ["x", "z"] * 5}, []),
        ("s: {min_domain_mass: 0.9}", {"s": ["z"] + ["x"] * 9}, []),
        ("s: {min_domain_mass: 0.91}", {"s": ["z"] + ["x"] * 9},
         ["enum_type_unexpected_string_values"]),
        ("n: {required_share: 0.9}", {"n": [None, *range(9)]}, []),
        ("n: {required_share: 0.91}", {"n": [None, *range(9)]},
         ["feature_type_low_fraction_present"]),
        ("n: {remove: true}", {}, ["schema_new_column"]),
    ],
)  # fmt: skip
def test_validate_table_honours_each_change(judge, changes, now, codes):
    verdict = judge({**GOOD, **now}, GOOD, changes=f"columns: {{{changes}}}")
    assert [reason.code for reason in verdict.reasons] == codes


def test_a_column_that_no_value_is_required_of_may_be_empty_or_absent(judge):
    import pyarrow as pa

    changes = "columns: {n: {required_share: 0}}"
    assert judge({**GOOD, "n": pa.nulls(10, pa.int64())}, GOOD, changes=changes).decision == "pass"
    assert judge({"f": GOOD["f"], "s": GOOD["s"]}, GOOD, changes=changes).decision == "pass"
