"""`holdfast schedule`: pipelines that Kubeflow Pipelines runs again and again."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from holdfast import ir
from holdfast.commands.access import (
    add_access,
    print_document,
    printable,
    reach,
    refused,
    sent,
    show_parameters,
    tell,
)
from holdfast.commands.parameters import parse_parameters, pipeline_file
from holdfast.errors import InputError

MODES = ("PIPELINE", "--list", "--delete", "--file")
# The options that some modes take no notice of: by name the modes that do, and the default.
OF_MODES: dict[str, tuple[tuple[str, ...], object]] = {
    **dict.fromkeys(("name", "cron", "every", "start", "end"), (("PIPELINE",), "")),
    "parameter": (("PIPELINE",), []),
    "experiment": (("PIPELINE",), "Default"),
    "max_concurrency": (("PIPELINE",), 1),
    **dict.fromkeys(("no_catchup", "disable"), (("PIPELINE",), False)),
    **dict.fromkeys(("prune", "yes"), (("--file",), False)),
    "owner": (("--delete",), ""),
    "dry_run": (("PIPELINE", "--delete", "--file"), False),
}


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("schedule", help="run a pipeline again and again, on Kubeflow")
    command.add_argument("pipeline", nargs="?", default="", metavar="PIPELINE")
    command.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--name", default="", help="the schedule's name (the pipeline's)")
    command.add_argument("--cron", default="", help="six fields, seconds first: '0 30 3 * * *'")
    command.add_argument("--every", default="", metavar="PERIOD", help="90m, 1d12h, P1D, PT1H")
    command.add_argument("--start", default="", metavar="TIME", help="2026-12-01T00:00:00Z")
    command.add_argument("--end", default="", metavar="TIME")
    command.add_argument("--experiment", default="Default")
    command.add_argument("--max-concurrency", type=int, default=1, help="runs at once, 1 to 10 (1)")
    command.add_argument("--no-catchup", action="store_true",
                         help="of the times that were missed make up for one alone")  # fmt: skip
    command.add_argument("--disable", action="store_true", help="keep it, but start no runs")
    command.add_argument("--list", action="store_true", help="list all schedules")
    command.add_argument("--delete", default="", metavar="NAME", help="delete one; its runs stay")
    command.add_argument("--file", type=Path, metavar="FILE", help="bring about all in a YAML file")
    command.add_argument("--prune", action="store_true", help="delete the owner's not in the file")
    command.add_argument("--yes", action="store_true", help="apply the file's plan without asking")
    command.add_argument("--owner", default="", help="for --delete: the owner that a file names")
    command.add_argument("--dry-run", action="store_true", help="print what would be sent or done")
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    add_access(command)
    command.set_defaults(command=_schedule, refused=refused)


def _schedule(options: argparse.Namespace) -> int:
    chosen = [bool(options.pipeline), options.list, bool(options.delete), bool(options.file)]
    if sum(chosen) != 1:
        raise InputError(
            "schedule must be given one of PIPELINE, --list, --delete NAME and --file FILE. Found: "
            f"{sum(chosen)} of them."
        )
    mode = chosen.index(True)
    _require_apt(options, MODES[mode])
    return (_one, _list, _delete, _file)[mode](options)


def _require_apt(options: argparse.Namespace, mode: str) -> None:
    """Refuse options that the mode takes no notice of."""
    given = [name for name, (_, default) in OF_MODES.items() if getattr(options, name) != default]
    astray = [name for name in given if mode not in OF_MODES[name][0]]
    if astray:
        flags = [f"--{name.replace('_', '-')}" for name in astray]
        raise InputError(f"{mode} takes no {', '.join(flags)}. Found: given. Leave them out.")


def _one(options: argparse.Namespace) -> int:
    from holdfast.submit import pipelines, plan
    from holdfast.submit.schedules import Recurring, Schedule
    from holdfast.submit.triggers import trigger

    compiled = ir.read(pipeline_file(options.pipeline))
    upload = pipelines.upload_of(compiled)
    wanted = Schedule(
        name=options.name or upload.name,
        upload=upload,
        parameters=parse_parameters(options.parameter, compiled.spec()),
        trigger=trigger(options.cron, options.every, options.start, options.end),
        experiment=options.experiment,
        max_concurrency=options.max_concurrency,
        catchup=not options.no_catchup,
        enabled=not options.disable,
    )
    wanted.check()
    if options.dry_run:
        document = {**upload.document(), "experiment": wanted.experiment,
                    "schedule": sent(wanted.body(enabled=wanted.enabled))}  # fmt: skip
        print_document(document, options.json)
        return 0
    tell(f"{wanted.name}: {upload.name}, version {upload.version}, {wanted.trigger}")
    show_parameters(compiled.pipeline, wanted.parameters)
    kfp = reach(options)
    changes = plan.plan([wanted], Recurring.at(kfp).all(wanted.name), wanted.owner, False)[:1]
    made = plan.apply(kfp, changes, lambda _: None)
    _print_done(options, changes, made, kfp)
    return 0


def _print_done(options: argparse.Namespace, changes: list[Any], made: list[str], kfp: Any) -> None:
    from holdfast.submit.runs import address

    if options.json:
        document = {"changes": [change.document() for change in changes], "ids": made}
        print(json.dumps(document, indent=2))
        return
    for change in changes:
        print(printable(str(change)))
    for identity in made if len(changes) == 1 else []:
        print(address(kfp, options.ui, "recurringrun", identity))


def _file(options: argparse.Namespace) -> int:
    from holdfast.submit import plan
    from holdfast.submit.document import read
    from holdfast.submit.schedules import Recurring

    document, schedules = read(options.file, pipeline_file)
    kfp = reach(options, document.namespace)
    changes = plan.plan(schedules, Recurring.at(kfp).all(), document.owner, options.prune)
    work = [change for change in changes if change.is_work]
    for change in changes:
        tell(str(change))
    tell(f"{len(work)} changes of {len(changes)} schedules")
    if work and not options.dry_run:
        _agree(options)
        plan.apply(kfp, changes, lambda change: tell(f"done: {change.kind} {change.name}"))
    if options.json:
        done = bool(work) and not options.dry_run
        told = {"changes": [change.document() for change in changes], "applied": done}
        print(json.dumps(told, indent=2))
    return 0


def _agree(options: argparse.Namespace) -> None:
    """Go on if the user agrees.

    Raises:
        InputError: There is nobody to ask, or they do not.
    """
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise InputError("--yes must be given to apply the plan. Found: no terminal to ask on.")
    tell("apply this? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InputError("The plan must be agreed to. Found: it was not. Nothing was done.")


def _list(options: argparse.Namespace) -> int:
    from holdfast.submit.schedules import Recurring, cadence, is_enabled, mark_of

    found = []
    for made in Recurring.at(reach(options)).all():
        cron, seconds = cadence(made)
        found.append(
            {
                "name": made.display_name,
                "when": f"cron {cron}" if cron else f"every {seconds} s",
                "enabled": is_enabled(made),
                "owner": mark_of(made)[1],
                "id": made.recurring_run_id,
            }
        )
    if options.json:
        print(json.dumps({"schedules": found}, indent=2))
        return 0
    for each in sorted(found, key=lambda each: str(each["name"])):
        state = "enabled" if each["enabled"] else "disabled"
        line = f"{each['name']:32} {each['when']:28} {state:9} {each['owner'] or '-'}"
        print(printable(line))
    if not found:
        tell("no schedules")
    return 0


def _delete(options: argparse.Namespace) -> int:
    from holdfast.submit.plan import Change
    from holdfast.submit.schedules import COMMAND_LINE, Recurring, mark_of

    owner = options.owner or COMMAND_LINE
    kfp = reach(options)
    recurring = Recurring.at(kfp)
    there = [m for m in recurring.all(options.delete) if m.display_name == options.delete]
    mine = [made for made in there if mark_of(made)[1] == owner]
    if there and not mine:
        whose = mark_of(there[0])[1]
        raise InputError(
            f"--delete must name a schedule that was made here. Found: {options.delete!r}, "
            + (f"of a file's owner. Take it out of the file, or add --owner {whose}." if whose
               else "which holdfast did not make. Delete it in KFP.")
        )  # fmt: skip
    change = Change("delete" if mine else "unchanged", options.delete, "" if mine else "not there")
    if not options.dry_run:
        recurring.delete(mine)
    _print_done(options, [change], [], kfp)
    return 0
