"""Several processes that record verdicts in one database at once, one of which is killed."""

from collections import Counter
from pathlib import Path

from benchmarks.verdicts import run_crowd

VERDICTS, WRITERS = 2_000, 4


def test_every_acknowledged_verdict_is_there_once_though_a_writer_was_killed(tmp_path: Path) -> None:
    """`python -m benchmarks.verdicts` does the same with 10,000."""
    crowd = run_crowd(tmp_path, verdicts=VERDICTS, writers=WRITERS)
    assert crowd.problems == []
    assert crowd.stored == VERDICTS
    told = Counter(one.client_id for one in crowd.acknowledged)
    assert len(told) == VERDICTS
    assert {name for name, times in told.items() if times > 1} <= {f"0-{n}" for n in range(VERDICTS)}
    assert len({one.verdict_id for one in crowd.acknowledged}) == VERDICTS
    assert sum(times > 1 for times in told.values()) >= 1
