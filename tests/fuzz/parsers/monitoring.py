"""What the monitoring family reads: rules, policies, spools, baselines, predictions."""

import atexit
import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.monitoring.analyse_experiment.request import ask
from holdfast.monitoring.baseline import DOCUMENT, read_baseline
from holdfast.monitoring.policy import read_policy
from holdfast.monitoring.send_alert.rules import read_rules
from holdfast.monitoring.send_alert.spool import read_spool, write_spool
from holdfast.performance.columns import PredictionColumns, columns_of
from tests.fuzz.parsers.target import Target, text
from tests.monitoring.scored_tables import baseline_of, binary

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
RULES = b"""
cooldown: 24h
channels:
  team: {kind: slack, url_env: SLACK_WEBHOOK_URL}
  mail: {kind: email, server_env: SMTP_SERVER, user_env: SMTP_USER,
         password_env: SMTP_PASSWORD, sender: a@b.org, to: [c@d.org]}
rules:
  - name: drift_grows
    severity: warning
    when:
      all: [{metric: share, of: drift_metrics, above: 0.3}, {verdict: drift, decision: [fail]}]
    message: "A share of ${drift_metrics.share} of the columns moved: $reasons"
    channels: [team, mail]
    missing: quiet
"""
POLICY = b"verdicts: {drift: [fail], performance: [fail, warn]}\nbad_if: any\ncooldown: 7d"
GUARDRAILS = b"guardrails: [{metric: seconds, kind: mean, better: lower, tolerance: 0.1}]"
BASELINE = baseline_of(binary(FOLDER / "table", 200), FOLDER / "baseline")
MEANING = PredictionColumns("classification", "y", ("no", "yes"))
SCHEMA = pa.schema([(c, pa.string()) for c in ("prediction", "probability_no", "probability_yes")])


def guardrails(data: bytes) -> None:
    """Ask for an analysis with guardrails."""
    columns = ("arm", "a", "unit", "", "max")
    plan = (0.5, 0.0, 0.5, 0.05, 0.8, 0.001, 0)
    ask(("bought", "proportion", "higher"), columns, plan, text(data))


def spool(data: bytes) -> None:
    """Read a spool and write it again."""
    (FOLDER / "spool").write_bytes(data)
    write_spool(FOLDER / "again", read_spool(str(FOLDER / "spool")))


def baseline(data: bytes) -> None:
    """Read a baseline, and write it again."""
    (BASELINE / DOCUMENT).write_bytes(data)
    json.dumps(read_baseline(BASELINE).metadata())


def meaning(data: bytes) -> None:
    """Read what a table of predictions says of its columns."""
    columns_of(SCHEMA.with_metadata({b"holdfast.predictions": data}), "predictions")


TARGETS = {
    "rules": Target(lambda data: read_rules(text(data)), (RULES,), (InputError,)),
    "policy": Target(lambda data: read_policy(text(data)), (POLICY,), (InputError,)),
    "guardrails": Target(guardrails, (GUARDRAILS,), (InputError,)),
    "spool": Target(spool, (b"",), (InputError,)),
    "baseline": Target(baseline, ((BASELINE / DOCUMENT).read_bytes(),), (InputError,)),
    "meaning": Target(
        meaning, (MEANING.attach(SCHEMA).metadata[b"holdfast.predictions"],), (InputError,)
    ),
}
