"""The plugin as pytest loads it, in sessions of its own."""

import subprocess
import sys
import textwrap
import tomllib
from importlib import import_module

import holdfast.testing
from tests.support import ROOT

pytest_plugins = ["pytester"]
PLUGIN = "holdfast.testing.plugin"


def session(pytester):
    """Run pytest with the plugin."""
    return pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider")


def test_the_example_of_the_documentation_passes_as_it_stands(pytester):
    _, example = holdfast.testing.__doc__.split("::\n\n")
    code = textwrap.dedent(example[: example.index("\n\n`holdfast.testing.running")])
    _, test = code.split("\ndef test_")
    assert len(test.splitlines()) == 5
    pytester.makepyfile(test_example=code)
    session(pytester).assert_outcomes(passed=1)


def test_what_is_wrong_is_shown_where_the_test_fails(pytester):
    pytester.makepyfile(
        """
        from kfp import dsl

        @dsl.component(base_image="python:3.11-slim")
        def forget(table: dsl.Output[dsl.Dataset]):
            pass

        @dsl.component(base_image="python:3.11-slim")
        def divide(number: int) -> float:
            import sys
            print("about to divide", file=sys.stderr)
            return 1 / number

        def test_forget(run_component):
            run_component(forget)

        def test_divide(run_component):
            run_component(divide, number=0, mode="executor")

        def test_number(run_component):
            run_component(divide, nmber=0)
        """
    )
    result = session(pytester)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "*OutputError: forget must write what it declares. Found: nothing for ?'table'?*",
            "*ZeroDivisionError: division by zero*",
            "*about to divide*",
            "*InputError: divide must be given what it takes. Found: ?'nmber'?*",
        ]
    )


def test_runs_of_a_test_have_folders_of_their_own(pytester):
    pytester.makepyfile(
        """
        from pathlib import Path
        from kfp import dsl

        @dsl.component(base_image="python:3.11-slim")
        def write(text: str, file: dsl.Output[dsl.Artifact]):
            with open(file.path, "w") as out:
                out.write(text)

        def test_write(run_component, tmp_path):
            first = run_component(write, text="1").file
            second = run_component(write, text="2").file
            assert [Path(each.path).read_text() for each in (first, second)] == ["1", "2"]
            assert list(tmp_path.iterdir()) == []
        """
    )
    session(pytester).assert_outcomes(passed=1)


def test_who_does_not_use_it_imports_neither_kfp_nor_anything_heavy(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_nothing(request):
            assert request.config.pluginmanager.has_plugin("holdfast.testing.plugin")
            loaded = {name for name in sys.modules if name.split(".")[0] in ("kfp", "holdfast")}
            assert loaded == {"holdfast", "holdfast.testing", "holdfast.testing.plugin"}
        """
    )
    pytester.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_importing_the_plugin_loads_three_modules_beside_pytests():
    code = (
        "import pytest, sys; before = set(sys.modules); import holdfast.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["holdfast", "holdfast.testing", "holdfast.testing.plugin"]


def test_the_package_declares_the_plugin_under_its_modules_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"]["pytest11"]
    assert declared == {PLUGIN: PLUGIN}
    assert import_module(declared[PLUGIN]).run_component
