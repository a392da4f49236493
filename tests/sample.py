"""Write scikit-learn's breast cancer table as CSV: python -m tests.sample FILE.

It ships inside the installed scikit-learn (Wolberg, Street and Mangasarian 1995, CC BY 4.0).
"""

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer


def main(path: Path) -> None:
    """Write the table with its target by name."""
    data = load_breast_cancer(as_frame=True)
    table = data.frame.drop(columns="target")
    table["diagnosis"] = data.target_names[data.target]
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
