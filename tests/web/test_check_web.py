"""`scripts/check_web.py` where there is no Node.js."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("required", "code", "said"),
    [
        ("", 0, "NOT RUN: the checks of web/"),
        ("browser,node", 1, "CANDLELOOP_REQUIRE asks for the checks of web/"),
    ],
)
def test_without_node_the_checks_are_left_out_aloud_or_fail(
    tmp_path: Path, required: str, code: int, said: str
) -> None:
    environment = {**os.environ, "PATH": str(tmp_path), "CANDLELOOP_REQUIRE": required}
    command = [sys.executable, str(ROOT / "scripts" / "check_web.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"{said}: found no Node.js 20.9 or newer. See nodejs.org.\n"
