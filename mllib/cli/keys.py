"""`candleloop keys`: who may call the API, and for what."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from mllib.store import ApiKey

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Whose key it is, such as chart.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="read, annotate or train; may be given again. The others imply read."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a key and print its token, which is shown this once."""
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        key, token = ws.store.api_keys.create(name, scopes or [])
    if as_json:
        print_json({**_shown(key), "token": token})
        return
    print(token)
    say(f"Key {key.id} for {name}: {', '.join(key.scopes)}. Keep the token, it cannot be shown again.")
    say("From now on the API answers nobody without a key. Send it as `Authorization: Bearer TOKEN`.")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the keys, oldest first; neither tokens nor hashes of them."""
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc

    with open_workspace() as ws:
        keys = ws.store.api_keys.list()
    if as_json:
        print_json([_shown(key) for key in keys])
        return
    rows = [
        (
            key.id,
            key.name,
            ", ".join(key.scopes),
            iso_utc(key.created_at),
            None if key.revoked_at is None else iso_utc(key.revoked_at),
        )
        for key in keys
    ]
    print_table("API keys", ("id", "name", "scopes", "created", "revoked"), rows)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id between cl_ and the next _.")],
    as_json: Json = False,
) -> None:
    """Take a key's right away; every serving process refuses it within seconds."""
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        key = ws.store.api_keys.revoke(key_id)
    if as_json:
        print_json(_shown(key))
        return
    say(f"Key {key.id} of {key.name} is revoked.")


def _shown(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
