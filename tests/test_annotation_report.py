"""The report on annotations, on a series small enough to count by hand."""

import numpy as np

from mllib.annotation_report import Agreement, AnnotationReport, Kept, LabelCount, Overlap, report
from mllib.candles import Candles
from mllib.spans import Annotation

ONE = np.ones(30)
CANDLES = Candles("EURUSD", "1h", 3600 * np.arange(30), ONE, ONE, ONE, ONE)


def span(label: str, first: int, last: int, source: str = "human") -> Annotation:
    """Bars are closed positions."""
    return Annotation(label, 3600 * first, 3600 * last, id=f"{source}{label}{first}", source=source)  # type: ignore[arg-type]


PEOPLE = [
    span("flag", 0, 9),  # TA-Lib's pole over 8 of its bars
    span("flag", 5, 8),
    span("engulfing", 10, 11),  # TA-Lib says the same, and harami
    span("engulfing", 11, 12),  # of its bars only one is TA-Lib's: IoU 1/3
    span("engulfing", 20, 21, "model_confirmed"),
]
TALIB = [
    span("pole", 2, 9, "talib"),
    span("engulfing", 10, 11, "talib"),
    span("harami", 10, 11, "talib"),
    span("harami", 25, 26, "talib"),
]


def test_everything_is_counted_by_hand() -> None:
    found = report(
        [*PEOPLE, span("O", 27, 29), *TALIB],
        CANDLES,
        people=PEOPLE,
        talib=TALIB,
    )
    assert found == AnnotationReport(
        counts=[
            LabelCount("O", "human", 1, 3, 3.0, 3),
            LabelCount("engulfing", "human", 2, 2, 2.0, 2),
            LabelCount("engulfing", "model_confirmed", 1, 2, 2.0, 2),
            LabelCount("engulfing", "talib", 1, 2, 2.0, 2),
            LabelCount("flag", "human", 2, 4, 7.0, 10),
            LabelCount("harami", "talib", 2, 2, 2.0, 2),
            LabelCount("pole", "talib", 1, 8, 8.0, 8),
        ],
        overlaps=[Overlap("engulfing", "engulfing", 1), Overlap("flag", "flag", 1)],
        agreement=[
            Agreement("engulfing", spans=3, same=1, different=0, alone=2, others={"harami": 1}),
            Agreement("flag", spans=2, same=0, different=2, alone=0, others={"pole": 2}),
        ],
        strategies=[
            Kept("human_priority", people=5, talib=3),
            Kept("programmatic_priority", people=4, talib=4),
            Kept("both", people=5, talib=4),
        ],
    )


def test_labels_that_overlap_are_counted_together_whichever_comes_first() -> None:
    people = [span("wedge", 0, 5), span("flag", 3, 9), span("flag", 10, 12), span("wedge", 12, 20)]
    assert report(people, CANDLES, people=people, talib=[]).overlaps == [Overlap("flag", "wedge", 2)]


def test_a_series_without_annotations_has_an_empty_report() -> None:
    found = report([], CANDLES, people=[], talib=[])
    assert (found.counts, found.overlaps, found.agreement) == ([], [], [])
    assert found.strategies[0] == Kept("human_priority", 0, 0)
