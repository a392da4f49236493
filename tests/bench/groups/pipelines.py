"""What a whole training run costs: components beside a script and other orchestrators.

Adult, from Parquet to a registered model with a ROC curve: read, split, validate, fit, train 300
trees, judge, register in a new SQLite store of MLflow. Script, Kedro, Metaflow and ZenML call the
same functions (work/plain_script.py) with the same versions of the libraries, without telemetry.
Kedro's SequentialRunner hands all on in memory, in one process, without a project; Metaflow (a
process for each step) and ZenML (one process) run as their tutorials have it on a laptop; ZenML's
database is made before it is measured. `same-steps` has the same steps as components, each in a
process of its own in the environment of its image; they do more (reports, intervals, lineage).
`training` is the pipeline as shipped, with fairness, robustness, explanations and a card. Time
alone is judged: the CPU time of containers and the memory of many processes together are not seen.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from holdfast.errors import MachineError
from tests.bench import peers
from tests.bench.frame import WALL, Case, Comparison, Group, Size
from tests.bench.processes import Found, module, run
from tests.conftest import REAL_DATA
from tests.support import ROOT

ADULT, TARGET = REAL_DATA / "adult.parquet", "class"
PROGRAMS = "tests.bench.work"
WORK_FILES = ROOT / "tests" / "bench" / "work"


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return the comparison."""
    title = "training on Adult, end to end"
    # So long that files which are read for the first time hardly count.
    return [Comparison("adult", title, cases, (WALL,), prepare, warm=False)]


def cases(folder: Path) -> list[Case]:
    """Return ours, and others."""
    own, authoring = "holdfast run", peers.AUTHORING
    same = folder / "same_steps.yaml"
    return [
        Case("same-steps", f"{own} same_steps.yaml -p uri=f -p target=class",
             partial(ours, folder, same), authoring),
        Case("same-steps-docker", f"{own} same_steps.yaml --runner docker -p uri=f ...",
             partial(ours, folder, same, "--runner", "docker"), authoring, quick=False),
        Case("training", f"{own} training -p uri=f -p target=class",
             partial(ours, folder, "training"), authoring, quick=False),
        Case("script", "one plain script in one process", partial(script, folder, "plain_script"),
             "bench", "python"),
        Case("kedro", "SequentialRunner().run(pipeline, catalog)",
             partial(script, folder, "kedro_flow", "kedro"), "kedro", "kedro"),
        Case("metaflow", "python flow.py run", partial(metaflow, folder), "metaflow", "metaflow",
             quick=False),
        Case("zenml", "pipeline() on the local stack, enable_cache=False",
             partial(zenml, folder), "zenml", "zenml", quick=False),
    ]  # fmt: skip


def prepare(folder: Path) -> None:
    """Compile our pipeline, and make what an installation makes once."""
    if not ADULT.is_file():
        raise MachineError(f"It needs {ADULT.name} among the real tables.")
    module(Path(sys.executable), f"{PROGRAMS}.same_steps", folder / "same_steps.yaml")


def ours(folder: Path, pipeline: object, *options: str) -> Found:
    """Run a pipeline as a user does, in a new folder."""
    output = mkdtemp(dir=folder)
    given = ("-p", f"uri={ADULT}", "-p", f"target={TARGET}", "--output", output)
    command = [sys.executable, "-m", "holdfast.cli", "run", pipeline, *options, *given]
    # The Docker runner asks the engine, which is no network of this machine.
    return run(command, folder=folder)


def script(folder: Path, program: str, environment: str = "bench") -> Found:
    """Run a program with table, target and a new folder."""
    python = peers.python(environment)
    return module(python, f"{PROGRAMS}.{program}", ADULT, TARGET, mkdtemp(dir=folder))


def metaflow(folder: Path) -> Found:
    """Run the flow with a store in a new folder."""
    new = mkdtemp(dir=folder)
    places = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": new, "METAFLOW_HOME": new, "USERNAME": "bench"}
    command = [
        peers.python("metaflow"), "-W", "ignore", WORK_FILES / "metaflow_flow.py", "--quiet", "run",
        "--table", ADULT, "--target", TARGET, "--folder", new,
    ]  # fmt: skip
    return run(command, places, folder=Path(new))


def zenml(folder: Path) -> Found:
    """Run the pipeline on a local stack that lies in the folder, and stays."""
    places = {
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_LOGGING_VERBOSITY": "ERROR",
        "AUTO_OPEN_DASHBOARD": "false",
    }
    new = mkdtemp(dir=folder)
    command = [
        peers.python("zenml"), "-W", "ignore", WORK_FILES / "zenml_flow.py", ADULT, TARGET, new,
    ]  # fmt: skip
    return run(command, places, folder=Path(new))


GROUP = Group("pipelines", __doc__, comparisons)
