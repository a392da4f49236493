"""Components and pipelines that the tests run: ones as any team writes them."""

from typing import List, NamedTuple, Optional  # noqa: UP035  # as people write for KFP

from kfp import dsl

IMAGE = "python:3.11-slim"


@dsl.component(base_image=IMAGE)
def count(table: dsl.Input[dsl.Dataset], seen: dsl.Output[dsl.Metrics]) -> NamedTuple(
    "Counted", rows=int, share=float, names=list[str], widths=dict[str, int]
):
    """Count rows; return one parameter of most types."""
    from pathlib import Path

    head, *rows = Path(table.path).read_text().splitlines()
    names = head.split(",")
    seen.metadata["columns"] = len(names)
    return (len(rows), len(rows) / 4, names, {name: len(name) for name in names})


@dsl.component(base_image=IMAGE)
def tell(
    text: str,
    number: int,
    factor: float = 2.0,
    loud: bool = False,
    more: Optional[List[int]] = None,  # noqa: UP006, UP045
    mode: str = "plain",
) -> str:
    """Return the arguments as Python shows them."""
    return repr((text, number, factor, loud, more, mode))


@dsl.component(base_image=IMAGE)
def join(
    parts: dsl.Input[List[dsl.Dataset]],  # noqa: UP006
    joined: dsl.Output[dsl.Dataset],
    first: dsl.Input[dsl.Artifact] = None,
):
    """Join files, and what metadata says of them; the optional one comes first."""
    from pathlib import Path

    before = [first] if first else []
    texts = [Path(each.path).read_text() for each in before + parts]
    Path(joined.path).write_text("".join(texts))
    joined.metadata["said"] = [part.metadata.get("said", "") for part in parts]


@dsl.component(base_image=IMAGE)
def list_files(folder: dsl.Input[dsl.Model], again: dsl.Output[dsl.Model]) -> List[str]:  # noqa: UP006
    """Copy a folder; return the names of its files."""
    import shutil
    from pathlib import Path

    shutil.copytree(folder.path, again.path)
    return sorted(p.name for p in Path(again.path).rglob("*") if p.is_file())


@dsl.component(base_image=IMAGE)
def old_style(
    source: dsl.InputPath("Dataset"), copy: dsl.OutputPath("Dataset"), size: dsl.OutputPath(int)
):
    """Copy a file by KFP's annotations of paths."""
    from pathlib import Path

    text = Path(source).read_text()
    Path(copy).write_text(text)
    Path(size).write_text(str(len(text)))


@dsl.component(base_image=IMAGE)
def make_model(accuracy: float) -> dsl.Model:
    """Return an artifact instead of filling one in."""
    from pathlib import Path

    made = dsl.Model(uri=dsl.get_uri(), metadata={"accuracy": accuracy})
    Path(made.path).write_text("weights")
    return made


@dsl.component(base_image=IMAGE)
def fail(how: str):
    """Fail: by an error, or by a signal."""
    import os
    import signal

    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise KeyError(how)


@dsl.component(base_image=IMAGE)
def forget(
    left: dsl.Output[dsl.Dataset], empty: dsl.Output[dsl.Model], scores: dsl.Output[dsl.Metrics]
) -> NamedTuple("Told", kept=str):
    """Write nothing, and an empty folder, which no object store keeps."""
    from pathlib import Path

    Path(empty.path).mkdir()
    return ("kept",)


@dsl.component(base_image=IMAGE)
def measure(metrics: dsl.Output[dsl.Metrics], what: str) -> float:
    """Write metadata, or return a number, that breaks on a cluster."""
    wrong = {"none": None, "nan": float("nan"), "deep": {"roc": [1.0, float("inf")]}}
    if what in wrong:
        metrics.metadata["value"] = wrong[what]
    return float("nan") if what == "returned" else 0.5


@dsl.component(base_image=IMAGE)
def spoil(table: dsl.Input[dsl.Dataset]):
    """Change an input."""
    with open(table.path, "a") as file:
        file.write("more")


@dsl.component(base_image=IMAGE)
def report_end(status: dsl.PipelineTaskFinalStatus) -> str:
    """Return what an exit handler learns."""
    return f"{status.pipeline_task_name} {status.state}"


@dsl.component(base_image=IMAGE)
def write_size(size: dsl.OutputPath(int), right: dsl.OutputPath(bool), text: str):
    """Write text where a number is declared."""
    from pathlib import Path

    Path(size).write_text(text)
    Path(right).write_text("True")


@dsl.component(base_image=IMAGE)
def say_true() -> int:
    """Return what Python takes for a number, and JSON does not."""
    return True


OUTSIDE = "a name of this module"


@dsl.component(base_image=IMAGE)
def look_around() -> str:
    """Use what only this module knows."""
    return OUTSIDE


@dsl.component(base_image=IMAGE)
def use_helper(unwritten: str = "") -> str:
    """Write to the current folder, and import what lies in it."""
    from pathlib import Path

    Path("left.txt").write_text("left")
    import helper

    return helper.WORD


@dsl.container_component
def copy(
    source: dsl.Input[dsl.Dataset],
    word: str,
    target: dsl.Output[dsl.Dataset],
    size: dsl.OutputPath(int),
):
    """Copy a file by a program."""
    script = 'cat "$0" > "$1"; echo "$3" >> "$1"; wc -c < "$1" > "$2"'
    return dsl.ContainerSpec(
        image="busybox:1.37",
        command=["sh", "-ec", script],
        args=[source.path, target.path, size, dsl.ConcatPlaceholder(["the ", word])],
    )


@dsl.container_component
def unknown_program():
    """Run what no machine has."""
    return dsl.ContainerSpec(image="example.com/tool:1", command=["no-such-program-here"])


class Told(NamedTuple):
    """What the pipeline gives."""

    rows: int
    joined: dsl.Dataset


@dsl.pipeline(name="join-and-count")
def join_and_count(
    table: dsl.Input[dsl.Dataset],
    more: dsl.Input[List[dsl.Dataset]],  # noqa: UP006
    again: bool = False,
    extra: dsl.Input[dsl.Artifact] = None,
) -> Told:
    """Join tables, and count the rows of one."""
    joined = join(parts=more, first=extra).outputs["joined"]
    counted = count(table=table)
    with dsl.If(again == True, name="again"):  # noqa: E712
        count(table=joined)
    return Told(rows=counted.outputs["rows"], joined=joined)


@dsl.pipeline(name="failing")
def failing(table: dsl.Input[dsl.Dataset]):
    """Fail in the second step."""
    count(table=table)
    fail(how="this key")
