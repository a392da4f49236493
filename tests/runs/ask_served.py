"""Ask a served model by V1 and V2, and compare with the model in process, to the last bit.

Runs in the serving family's environment: python -m tests.runs.ask_served URL NAME MODEL TABLE ROWS
"""

import sys

import httpx
import numpy as np

from holdfast.model import feature_frame, load_model
from holdfast.table import open_table


def main(url: str, name: str, model_dir: str, table: str, rows: str) -> None:
    """Print the version that answers, once all answers are the same."""
    model = load_model(model_dir)
    given = open_table(table).head(int(rows)).select(list(model.info.features))
    expected = model.pipeline.predict_proba(feature_frame(given, model.info.features))
    with httpx.Client(base_url=url, timeout=30) as client:
        about = client.get(f"/v2/models/{name}").raise_for_status().json()
        first = client.post(f"/v1/models/{name}:predict", json={"instances": given.to_pylist()})
        second = client.post(f"/v2/models/{name}/infer", json={"inputs": tensors(about, given)})
    one, two = first.raise_for_status().json(), second.raise_for_status().json()
    outputs = {output["name"]: output for output in two["outputs"]}
    by_v2 = np.reshape(outputs["probabilities"]["data"], outputs["probabilities"]["shape"])
    assert np.array_equal(one["probabilities"], expected), "V1 differs"
    assert np.array_equal(by_v2, expected), "V2 differs"
    answers = model.pipeline.classes_[expected.argmax(axis=1)].tolist()
    assert one["predictions"] == outputs["prediction"]["data"] == answers
    assert one["model_version"] == two["model_version"]
    print(one["model_version"])


def tensors(about: dict, given) -> list[dict]:
    """Return a tensor for each feature, of the type that the served model asks for."""
    return [
        {
            "name": wanted["name"],
            "datatype": wanted["datatype"],
            "shape": [given.num_rows],
            "data": given.column(wanted["name"]).to_pylist(),
        }
        for wanted in about["inputs"]
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
