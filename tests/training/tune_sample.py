"""Tune on a table: python -m tests.training.tune_sample TABLE STORAGE WORKER TRIALS [HELD].

It is a program so that it can be killed, and run several times at once. The trial of the number
HELD never ends.
"""

import sys
import time

from holdfast import threads
from holdfast.table import open_table
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.folds import Plan
from holdfast.training.tune_hyperparameters import logic
from holdfast.training.tune_hyperparameters.logic import Budget, Search, tune

SPACE = """
n_estimators: {low: 5, high: 40}
max_depth: {low: 1, high: 4}
learning_rate: {low: 0.05, high: 0.5, log: true}
"""


def hold(number):
    """Make a trial wait until the process is killed."""
    run = logic._run

    def held(trial, *arguments):
        while trial.number == number:
            time.sleep(1)
        return run(trial, *arguments)

    logic._run = held


if __name__ == "__main__":
    threads.wait_passively()
    path, storage, worker, trials, *held = sys.argv[1:]
    if held:
        hold(int(held[0]))
    table = open_table(path)
    search = Search(space=SPACE, storage=storage, worker=int(worker), pruner="none")
    found = tune(table, fit_transformer(table, 1), Plan(2), search, Budget(int(trials)))
    print(found.best())
