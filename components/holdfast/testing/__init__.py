r"""Test components of Kubeflow Pipelines, whoever made them, with real files.

pytest finds the fixture `run_component` by itself once holdfast is installed::

    from typing import NamedTuple
    from kfp import dsl

    @dsl.component(base_image="python:3.11-slim")
    def count(
        table: dsl.Input[dsl.Dataset], seen: dsl.Output[dsl.Metrics]
    ) -> NamedTuple("Counted", rows=int):
        lines = open(table.path).read().splitlines()
        seen.metadata["columns"] = len(lines[0].split(","))
        return (len(lines) - 1,)

    def test_rows_and_columns_are_counted(run_component, tmp_path):
        (tmp_path / "table.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
        counted = run_component(count, table=tmp_path / "table.csv")
        assert counted.rows == 2
        assert counted.seen.metadata == {"columns": 3}

`holdfast.testing.running.RunComponent` says what may be given, what comes back, and what is looked
at. A folder, a data frame, a list, or another run's output is given in the same way.
"""
