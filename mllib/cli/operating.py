"""`candleloop prune doctor share`: what whoever runs candleloop needs."""

from typing import Annotated

import typer

from mllib.amounts import count
from mllib.cli.output import Json, print_json, print_table, progress_bar, say


def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Remove old models and kept predictions, as `retention` of the configuration says."""
    import time
    from dataclasses import asdict

    from mllib.pipeline.pruning import plan_pruning, prune
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        removals = plan_pruning(ws, now=time.time())
        if as_json:
            print_json([asdict(one) | {"paths": [str(path) for path in one.paths]} for one in removals])
        else:
            rows = [(one.what, one.kind, _megabytes(one.size_bytes), one.why) for one in removals]
            print_table("To remove" if rows else "Nothing to remove", ("what", "kind", "size", "why"), rows)
        if dry_run or not removals:
            return
        if not yes:
            typer.confirm(f"Remove {len(removals)} of these for good?", abort=True, err=True)
        with progress_bar("Pruning") as progress:
            freed = prune(ws, removals, progress=progress)
    say(f"Removed; {_megabytes(freed)} freed.")


def doctor(as_json: Json = False) -> None:
    """Look at everything that candleloop needs, and say what to do where something is not well."""
    from mllib.doctor import examine

    marks = {True: "ok", False: "BROKEN", None: "look"}
    findings = []
    for found in examine():
        findings.append(found)
        if not as_json:
            print(f"{marks[found.ok]:>6}  {found.name}: {found.said}", flush=True)
    if as_json:
        print_json([{"name": one.name, "ok": one.ok, "said": one.said} for one in findings])
    if any(one.ok is False for one in findings):
        raise typer.Exit(1)


def share(as_json: Json = False) -> None:
    """Copy this home's candles, models and datasets to CANDLELOOP_STORAGE_URL, for other machines."""
    from dataclasses import asdict

    from mllib.pipeline.sharing import share_home
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws, progress_bar("Sharing") as progress:
        shared = share_home(ws, progress=progress)
    if as_json:
        print_json(asdict(shared))
        return
    for name in shared.kept:
        say(f"{name}: the storage has other candles of that name, which were left as they are.")
    copied = (count(len(shared.series), "series", "series"), count(len(shared.models), "model"))
    say(f"Copied {copied[0]} and {copied[1]}; {count(len(shared.datasets), 'dataset')} are there.")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


commands = (doctor, prune, share)
