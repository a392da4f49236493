"""How many threads a training is worth, and which number of them is faster."""

from typing import Any

from holdfast.threads import available

# Rounds of boosting with each number of threads before the faster one is chosen, and between two
# choices: what else runs on the machine changes.
TRIED_ROUNDS = 3
STEADY_ROUNDS = 60
# Below so many values, one thread is done before a second is awake.
SMALL = 2**20


def worth(values: int) -> int:
    """Return how many threads are worth waking for a matrix of so many values."""
    return available() if values >= SMALL else 1


def faster(threads: int) -> Any:
    """Return a callback that lets XGBoost go on with one thread or with all, whichever is faster.

    The rounds that are timed are rounds of the training itself; the trees do not depend on the
    number of threads.
    """
    from time import perf_counter

    from xgboost.callback import TrainingCallback

    class Faster(TrainingCallback):
        """Times a few rounds with each number of threads, and keeps the faster."""

        def __init__(self) -> None:
            super().__init__()
            self.spent: dict[int, list[float]] = {}
            self.start = 0.0

        def before_iteration(self, model: Any, epoch: int, _log: Any) -> bool:
            turn = epoch % (STEADY_ROUNDS + 2 * TRIED_ROUNDS)
            if turn == 0:
                self.spent = {1: [], threads: []}
            if turn < 2 * TRIED_ROUNDS:
                self.now = (threads, 1)[turn % 2]
                model.set_param({"nthread": self.now})
            elif turn == 2 * TRIED_ROUNDS:
                # The first round also builds what the later ones share.
                self.now = min(self.spent, key=lambda n: min(self.spent[n]))
                model.set_param({"nthread": self.now})
            self.start = perf_counter()
            return False

        def after_iteration(self, _model: Any, _epoch: int, _log: Any) -> bool:
            self.spent[self.now].append(perf_counter() - self.start)
            return False

    return Faster()
