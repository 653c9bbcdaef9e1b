"""Writes the TypeScript types of the API: `python scripts/write_types.py web/candleloop/candleloop-api.d.ts`.

The generator is the one that `web/package-lock.json` names, in `web/node_modules`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_OPTIONS = ("--root-types", "--root-types-no-schema-prefix", "--default-non-nullable=false")
_HEADER = (
    "// Types of candleloop's API. `make types` writes this file; the tests compare it with the API.\n\n"
)


def install_tools() -> Path:
    """The folder of the generator's and the compiler's commands, in the versions of the lock."""
    from mllib.web_app import find_node, install

    return install(ROOT / "web", find_node())


def types_of(document: dict[str, Any]) -> str:
    """The declarations of an OpenAPI document; what changes no type, such as examples, changes nothing."""
    command = [str(install_tools() / "openapi-typescript"), *_OPTIONS]
    told = json.dumps(_without_prose(document))
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"openapi-typescript: {done.stderr.strip() or done.stdout.strip()}")
    return _HEADER + done.stdout


def _without_prose(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_prose(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_prose(value)
        for key, value in node.items()
        if key not in ("example", "examples") and not (key == "title" and isinstance(value, str))
    }


def main() -> None:
    from api.main import create_app

    Path(sys.argv[1]).write_text(types_of(create_app().openapi()), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
