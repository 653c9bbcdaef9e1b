"""The API's server in surroundings that a test can spoil: `python impaired.py [OPTION …] SERVER_ARGUMENTS`.

`--clock FILE` adds the seconds in a file to the time of day, `--retry-s S` shortens the pause before a
champion that could not be taken up is tried again, and `--as-anybody` has a process of root heed the
permissions of files, as that of any other user does. Worker processes run this module too.
"""

import ctypes
import os
import sys
import time
from pathlib import Path

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def heed_permissions() -> None:
    """Starts this process anew without root's right to open every file."""
    sys.argv.remove("--as-anybody")
    if os.geteuid() == 0:
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, *sys.argv])


def take(option: str) -> str | None:
    """The value of an option, which the server then does not see."""
    if option not in sys.argv:
        return None
    at = sys.argv.index(option)
    value = sys.argv[at + 1]
    del sys.argv[at : at + 2]
    return value


def set_clock(file: Path) -> None:
    """From now on the time of day is off by what the file says."""
    real = time.time
    time.time = lambda: real() + float(file.read_text() or 0)


if "--as-anybody" in sys.argv:
    heed_permissions()
given = list(sys.argv)
if clock := take("--clock"):
    set_clock(Path(clock))
if retry_s := take("--retry-s"):
    from mllib.pipeline import serving

    serving.RETRY_AFTER_S = float(retry_s)

if __name__ == "__main__":
    from api import server

    asked, sys.argv = sys.argv[1:], given  # workers are given the same arguments
    server.main(asked)
