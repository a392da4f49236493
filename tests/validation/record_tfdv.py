"""Record what the whole of TFDV says of a table, for the parity test.

It needs the whole of TFDV (tests/tfdv): python -m tests.validation.record_tfdv is run by hand in
`.environments/tfdv-*`, and tfdv_reference/ is committed.
"""

from pathlib import Path

import pandas as pd
import tensorflow_data_validation as tfdv
from google.protobuf import text_format

from tests.validation.tfdv_case import changed, original

REFERENCE = Path(__file__).with_name("tfdv_reference")


def main() -> None:
    """Write statistics and schema of the original, and the anomalies of what was changed."""
    REFERENCE.mkdir(exist_ok=True)
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(original()))
    schema = tfdv.infer_schema(statistics)
    other = tfdv.generate_statistics_from_dataframe(pd.DataFrame(changed()))
    anomalies = tfdv.validate_statistics(other, schema)
    write("statistics", statistics.datasets[0])
    write("schema", schema)
    write("anomalies", anomalies)


def write(name: str, message: object) -> None:
    """Write a proto as text."""
    (REFERENCE / f"{name}.pbtxt").write_text(text_format.MessageToString(message))


if __name__ == "__main__":
    main()
