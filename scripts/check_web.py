"""Checks the chart: format and lint, types, tests. Without Node.js it says that they were left out."""

import os
import subprocess
import sys
from pathlib import Path

from mllib.errors import NotReady
from mllib.web_app import find_node, install

WEB = Path(__file__).parents[1] / "web"
CHECKS = (("run", "lint"), ("run", "types"), ("run", "test"))


def main() -> int:
    """The exit code of the first check that fails; without Node.js, 1 where CANDLELOOP_REQUIRE has it."""
    try:
        node = find_node()
    except NotReady as error:
        required = "node" in os.environ.get("CANDLELOOP_REQUIRE", "").split(",")
        said = "CANDLELOOP_REQUIRE asks for the checks of web/" if required else "NOT RUN: the checks of web/"
        print(f"{said}: {error}. See nodejs.org.", file=sys.stderr)
        return 1 if required else 0
    install(WEB, node)
    environment = {**os.environ, "NEXT_TELEMETRY_DISABLED": "1"}
    for check in CHECKS:
        done = subprocess.run([node.npm, *check], cwd=WEB, env=environment, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
