"""YAML that people write: of the grammar, or refused with the place of the mistake."""

import pytest
from pydantic import Field

from holdfast.documents import Document, read_document
from holdfast.errors import InputError


class Column(Document):
    low: float | None = None
    domain: list[str] = Field(default=[])


class Sample(Document):
    columns: dict[str, Column] = Field(default={})


def refused(text, match):
    with pytest.raises(InputError, match=rf"(?s)`changes` must be YAML .*Found: .*{match}"):
        read_document(text, Sample, "changes")


@pytest.mark.parametrize("text", ["", "  \n", "# a remark", "---", "{}", "null"])
def test_a_text_that_says_nothing_is_the_default(text):
    assert read_document(text, Sample, "changes") == Sample()


def test_what_is_written_is_read():
    text = 'columns: {age: {low: 0}, "yes": {domain: ["no", "5"]}}'
    read = read_document(text, Sample, "changes").columns
    assert read == {"age": Column(low=0), "yes": Column(domain=["no", "5"])}


@pytest.mark.parametrize("text", ["[]", "false", "0", "''", "- a", "text", "5", "2026-01-31"])
def test_what_is_no_mapping_is_refused(text):
    refused(text, "the document: Input should be a valid dict")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("colums: {}", "colums: Extra inputs are not permitted"),
        ("columns: {a: {hihg: 1}}", r"columns\.a\.hihg: Extra inputs"),
        ("columns: {answer: {domain: [yes, no]}}", r"columns\.answer\.domain\.0: .*valid string"),
        ("columns: {a: {domain: red}}", r"columns\.a\.domain: .*valid list"),
        ("columns: {a: {low: '5'}}", r"columns\.a\.low: .*valid number"),
        ("columns: {a: {low: true}}", r"columns\.a\.low: .*valid number"),
        ("columns: {1: {}}", r"columns\.1\.\[key\]: .*valid string"),
        ("columns: [a]", "columns: .*valid dict"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, place):
    refused(text, place)


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf"])
def test_what_is_no_finite_number_is_refused(number):
    refused(f"columns: {{a: {{low: {number}}}}}", r"columns\.a\.low: .*finite number")


@pytest.mark.parametrize("text", ["columns:\n\ta: {}", "columns: {a", "a: b: c", "\x00", "%x", "&"])
def test_what_is_no_yaml_is_refused(text):
    refused(text, "")


def test_a_key_given_twice_is_refused_rather_than_one_of_the_two_dropped():
    refused("columns: {a: {low: 1}}\ncolumns: {}", "a key is given twice among .*columns")
    refused("columns: {a: {low: 1}, a: {}}", "a key is given twice")


BOMBS = {
    "billion laughs": "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]"
                                                 for n in range(1, 30)),
    "merged keys": "a0: &a0 {x: y}\n" + "\n".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)
    ),
    "a loop": "&a [*a]",
    "one alias": "columns: {a: &a {low: 1}, b: *a}",
}  # fmt: skip


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_an_alias_is_refused_before_it_can_grow(text):
    refused(text, "aliases cannot be used.* line 1|aliases cannot be used")


def test_too_many_levels_are_refused():
    refused("[" * 5000 + "]" * 5000, "too many levels")


@pytest.mark.parametrize("scalar", ["9" * 5000, "2026-13-45", "2026-02-30T25:00:00"])
def test_a_scalar_that_python_cannot_hold_is_refused(scalar):
    refused(f"columns: {{a: {{low: {scalar}}}}}", "")


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['true']", "!!python/name:os.x"])
def test_no_object_is_made_from_yaml(text):
    refused(text, "tags cannot be used")


def test_a_message_stays_short():
    with pytest.raises(InputError) as caught:
        read_document(f"{'x' * 100_000}: 1", Sample, "changes")
    assert len(str(caught.value)) < 1000
