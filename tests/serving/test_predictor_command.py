"""`holdfast serve`: what it says of a MODEL that is none, before it makes or starts anything."""

import argparse

import pytest

from holdfast.commands import serve
from holdfast.errors import InputError


def run(*arguments):
    parser = argparse.ArgumentParser()
    serve.add(parser.add_subparsers())
    options = parser.parse_args(["serve", *arguments])
    options.command(options)


@pytest.mark.parametrize("name", ["./model", "output/model", "../model", ".model"])
def test_a_path_that_is_no_directory_is_told_so(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="must be a model's directory or a registered name"):
        run(name)


def test_a_name_without_a_registry_makes_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match=r"no registry at .*mlflow\.db\. Set MLFLOW"):
        run("shop")
    assert list(tmp_path.iterdir()) == []
