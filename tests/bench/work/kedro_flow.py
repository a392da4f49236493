"""The plain script's steps in Kedro: python -m tests.bench.work.kedro_flow TABLE TARGET FOLDER.

The nodes run in one process and hand data on in memory, as Kedro's SequentialRunner does where the
catalog names no files.
"""

import json
import sys

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner

from tests.bench.work import plain_script as steps


def main(path: str, target: str, folder: str) -> None:
    """Run the pipeline."""

    def register(model, test, target, metrics, folder):
        steps.register(model, test.drop(columns=target), metrics, folder)
        return metrics["roc_auc"]

    flow = pipeline(
        [
            node(steps.split, ["path", "target"], ["train", "test"]),
            node(steps.check, ["train", "test"], None),
            node(steps.fit, ["train", "target"], "model"),
            node(steps.judge, ["model", "test", "target"], "metrics"),
            node(register, ["model", "test", "target", "metrics", "folder"], "roc_auc"),
        ]
    )
    given = {"path": path, "target": target, "folder": folder}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in given.items()})
    found = SequentialRunner().run(flow, catalog)["roc_auc"]
    print(json.dumps({"roc_auc": found.load() if hasattr(found, "load") else found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
