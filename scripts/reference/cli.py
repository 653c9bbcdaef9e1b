"""The page of the command line: every command with its arguments and options, as `--help` has them."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from mllib.cli import app
from scripts.reference.markdown import cell, code, page, table

_HEAD = """\
`candleloop COMMAND --help` says the same. `--json` prints JSON and nothing else on standard output; what is
refused goes to standard error, with exit status 1. The data is in `./var`, or where `CANDLELOOP_HOME` says.
"""


def cli_page() -> str:
    """The page."""
    root = typer.main.get_command(app)
    commands = list(_commands(root, root.context_class(root, info_name="candleloop")))
    overview = table(
        ("command", "what it does"),
        [
            (f"[`{_name(ctx)}`](#{_anchor(ctx)})", cell(_first_sentence(command.help)))
            for command, ctx in commands
        ],
    )
    return page("Command line", _HEAD, overview, *(_section(command, ctx) for command, ctx in commands))


def _commands(command: Any, ctx: Any) -> Iterator[tuple[Any, Any]]:
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        below = inner.context_class(inner, info_name=name, parent=ctx)
        if hasattr(inner, "commands"):
            yield from _commands(inner, below)
        else:
            yield inner, below


def _name(ctx: Any) -> str:
    return ctx.command_path.removeprefix("candleloop ")


def _anchor(ctx: Any) -> str:
    return ctx.command_path.replace(" ", "-")


def _first_sentence(text: str | None) -> str:
    return re.split(r"\n\n", (text or "").strip())[0]


def _section(command: Any, ctx: Any) -> str:
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    parts = [f"## {ctx.command_path}", (command.help or "").strip(), f"```text\n{usage}\n```"]
    rows = [
        (code(names), cell(said))
        for parameter in command.get_params(ctx)
        if (record := parameter.get_help_record(ctx)) is not None and "--help" not in parameter.opts
        for names, said in [record]
    ]
    return "\n\n".join([*parts, table(("argument or option", "what it says"), rows)] if rows else parts)
