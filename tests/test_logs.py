"""One JSON object a line, with the ids of what is at work."""

import json
import subprocess
import sys

SCRIPT = """
import logging, warnings
from mllib.logs import at_work, log_as_json

log_as_json()
log = logging.getLogger("mllib.somewhere")
log.info("before")
token = at_work.set({"run_id": "a1b2"})
log.warning("while %s", "training", extra={"seconds": 3})
log.info("its own", extra={"run_id": "c3d4"})
at_work.reset(token)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
warnings.warn("careful")
"""


def test_each_line_is_an_object_that_names_what_is_at_work() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, during, own, broken, warned = (json.loads(line) for line in done.stderr.splitlines())

    assert (before["level"], before["logger"], before["message"]) == ("INFO", "mllib.somewhere", "before")
    assert "run_id" not in before
    assert (during["message"], during["run_id"], during["seconds"]) == ("while training", "a1b2", 3)
    assert own["run_id"] == "c3d4"
    assert "ZeroDivisionError" in broken["exc_info"]
    assert "run_id" not in broken
    assert (warned["logger"], "careful" in warned["message"]) == ("py.warnings", True)
