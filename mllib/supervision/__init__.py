"""The services of `candleloop up` under one supervisor.

    candleloop up
    └── guard                  ends everything of this home when supervisord or `up` is gone
        └── supervisord        restarts a dead service with back-off, rotates logs
            ├── guard ─ api    ends what the service leaves behind
            ├── guard ─ console
            └── …

Linux only: it rests on PR_SET_PDEATHSIG and /proc.
"""

from mllib.supervision.run import run_supervised
from mllib.supervision.service import Service

__all__ = ["Service", "run_supervised"]
