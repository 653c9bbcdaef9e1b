"""The parts of chart and deck that need no browser, run by Node's own test runner."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("node")


@pytest.mark.parametrize("part", ["chart", "deck"])
def test_the_modules_pass_their_own_tests(part: str, node_path: str) -> None:
    tests = Path(__file__).with_name(f"{part}.test.mjs")
    done = subprocess.run([node_path, "--test", str(tests)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
