"""`holdfast submit`: a pipeline to Kubeflow Pipelines, once for the same parameters."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from holdfast import ir
from holdfast.commands.access import (
    add_access,
    print_document,
    reach,
    refused,
    sent,
    show_parameters,
    tell,
    without_secrets,
)
from holdfast.commands.parameters import parse_parameters, pipeline_file
from holdfast.errors import GateError
from holdfast.kubeflow.api import Access, TransientError

GOOD = ("SUCCEEDED", "SKIPPED")
BAD = ("FAILED", "CANCELED", "CANCELING")


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("submit", help="run a pipeline on Kubeflow Pipelines")
    command.add_argument("name", metavar="PIPELINE", help="a name of `holdfast list`, or a YAML")
    command.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--name", dest="run_name", default="", help="the run's name")
    command.add_argument("--experiment", default="Default")
    command.add_argument("--again", action="store_true", help="even if the same was started before")
    command.add_argument("--wait", action="store_true", help="follow the steps until the end")
    command.add_argument("--dry-run", action="store_true", help="print what would be sent")
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    add_access(command)
    command.set_defaults(command=_submit, refused=refused)


def _submit(options: argparse.Namespace) -> int:
    from holdfast.submit import pipelines, runs

    compiled = ir.read(pipeline_file(options.name))
    upload = pipelines.upload_of(compiled)
    parameters = parse_parameters(options.parameter, compiled.spec())
    request = runs.RunRequest(
        upload, parameters, options.experiment, options.run_name, options.again
    )
    request.check()
    if options.dry_run:
        document = {**upload.document(), "experiment": options.experiment,
                    "run": sent(request.body())}  # fmt: skip
        print_document(document, options.json)
        return 0
    tell(f"{upload.name}, version {upload.version}, experiment {options.experiment}")
    show_parameters(compiled.pipeline, parameters)
    kfp = reach(options)
    uploaded = pipelines.ensure(kfp, upload)
    tell(f"uploaded: {', '.join(uploaded.made) or 'nothing, it was there'}")
    run, started = runs.submit(kfp, request, uploaded)
    url = runs.address(kfp, options.ui, "runs", run.run_id)
    tell(_told(run, started))
    document = {
        **upload.document(),
        "pipeline_id": uploaded.pipeline_id,
        "version_id": uploaded.version_id,
        "uploaded": list(uploaded.made),
        "experiment": options.experiment,
        "run": run.display_name,
        "run_id": run.run_id,
        "url": url,
        "started": started,
        "state": str(run.state or "PENDING"),
        "parameters": without_secrets(parameters),
    }
    # What is there already may have failed: whoever asked for the run must not take it for done.
    code = 0 if started or options.wait or document["state"] not in BAD else GateError.exit_code
    if not options.json:
        print(url, flush=True)
    if options.wait:
        code = _wait(kfp, run.run_id, url, compiled.pipeline, document)
    if options.json:
        print(json.dumps(document, indent=2))
    return code


def _told(run: Any, started: bool) -> str:
    if started:
        return f"started: {run.display_name}"
    state = str(run.state or "PENDING")
    return (
        f"nothing started: the same is there, {run.display_name!r} of {run.created_at}, which is "
        f"{state}; --again starts another"
    )


def _wait(
    kfp: Access, run_id: str, url: str, pipeline: Mapping[str, Any], document: dict[str, Any]
) -> int:
    """Follow the run, add how it ended to the document, and return the exit code."""
    from holdfast.submit import watch

    known = watch.names(pipeline)
    try:
        run, steps = watch.follow(kfp, run_id, known, Progress(len(known)).observe)
    except KeyboardInterrupt:
        tell(
            f"\nholdfast: no longer waiting. The run goes on: {url}; the same command with --wait "
            f"and without --again follows it, and KFP's page can terminate it."
        )
        return 130
    except TransientError as error:
        raise TransientError(f"{error} The run goes on: {url}") from error
    state = str(run.state)
    document |= {"state": state, "tasks": [step.document() for step in steps]}
    tell(f"{run.display_name} {state.lower()}")
    if state in GOOD:
        return 0
    reason = " ".join(str((run.error and run.error.message) or "").split())[:500]
    failed = [f"{s.name}: {s.error}" if s.error else s.name for s in steps if s.state == "FAILED"]
    told = "; ".join([*failed, *([reason] if reason else [])]) or state.lower()
    document["error"] = told
    print(f"holdfast: The run must succeed. Found: {told}. See {url}", file=sys.stderr)
    return GateError.exit_code


class Progress:
    """Prints each step as it starts and ends, on stderr, as `holdfast run` does."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def observe(self, step: Any) -> None:
        """Print the state of a step."""
        label = f"[{step.number:2}/{max(self.steps, step.number)}] {step.name:18}"
        if step.state == "RUNNING":
            tell(f"{label} running")
        else:
            tell(f"{label} {step.state.lower():10} {step.seconds:6.1f} s")
