"""Train on a table and save the model: python -m tests.training.save_sample_model TABLE FOLDER.

It is a program so that two processes can be compared. A third argument is the number of CPUs that
it may use.
"""

import os
import sys
from pathlib import Path

from holdfast import threads
from holdfast.table import open_table
from tests.training.samples import save, train_model

if __name__ == "__main__":
    threads.wait_passively()
    if len(sys.argv) > 3:
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[: int(sys.argv[3])])
    table = open_table(sys.argv[1])
    save(train_model(table), table, Path(sys.argv[2]))
