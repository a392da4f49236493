"""Models' descriptions and examples that came from outside are refused in words."""

import pytest

from holdfast.deployment.examples import read_example, read_model
from holdfast.errors import InputError


@pytest.mark.parametrize("text", ['{"inputs": [[1], 0.5]}', '[{"age": [[], 1]}]', "[" * 100_000,
                                  '{"columns": ["a"], "data": [[[1]], [2]]}'])  # fmt: skip
def test_an_example_that_no_tensor_holds_is_refused(tmp_path, text):
    (tmp_path / "input_example.json").write_text(text)
    with pytest.raises(InputError, match="`model` must hold an input example"):
        read_example(str(tmp_path))


@pytest.mark.parametrize("text", ["[" * 100_000, "a: &a [*a]", "!!int ''", "- 1", "signature: 5"])
def test_a_description_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InputError, match="`model` must be an MLflow model directory"):
        read_model(str(tmp_path))
