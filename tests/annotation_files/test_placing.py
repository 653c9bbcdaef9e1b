"""Annotations on the candles that are stored, or beside them."""

from dataclasses import replace

import numpy as np
import pytest

from mllib.annotation_files import check_annotations
from mllib.candles import Candles
from mllib.errors import InvalidAnnotations
from mllib.spans import Annotation, Span


def candles(n: int = 10) -> Candles:
    one = np.ones(n)
    return Candles("EURUSD", "1h", 3600 * np.arange(n), one, one, one, one)


def test_annotations_on_the_candles_pass() -> None:
    check_annotations([Annotation("flag", 0, 9 * 3600, id="a", sub_spans=(Span("x", 0, 0),))], candles())
    check_annotations([], candles())


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (
            Annotation("flag", 3601, 7200, id="a"),
            r"start_time: found 3601 .*between candles.*nearest is 3600 \(",
        ),
        (
            Annotation("flag", 0, 36_000, id="a"),
            r"end_time: found 36000 .*outside the candles.*nearest is 32400",
        ),
        (
            Annotation("flag", 0, 3600, id="a", sub_spans=(Span("x", 5, 3600),)),
            r"start_time: found 5 .*between candles",
        ),
    ],
)
def test_a_bound_that_is_no_candles_open_is_refused(annotation: Annotation, message: str) -> None:
    good = Annotation("flag", 0, 0, id="b")
    with pytest.raises(
        InvalidAnnotations, match=rf"EURUSD 1h: annotation a \(flag\), {message}.*1 of 2 annot"
    ):
        check_annotations([good, annotation], candles())


def test_of_two_charts_in_one_file_it_is_said_which_spans_fit_where() -> None:
    other = replace(candles(), pair="BTCUSDT", time=1800 + 3600 * np.arange(10))
    own = [Annotation("flag", 0, 3600, id="a")]
    strays = [Annotation("flag", 1800, 5400, id="b"), Annotation("flag", 1800, 9000, id="c")]
    message = (
        r"2 of 3 annotations do not fit\. Two charts seem to be mixed in one file: of those 2, there are "
        r"2 on BTCUSDT 1h\. Export each chart"
    )
    with pytest.raises(InvalidAnnotations, match=message):
        check_annotations([*own, *strays], candles(), others=[replace(candles(), pair="X"), other])
    with pytest.raises(InvalidAnnotations, match=r"2 on BTCUSDT 1h: name that pair and timeframe"):
        check_annotations(strays, candles(), others=[other])
    with pytest.raises(InvalidAnnotations, match=r"Check pair and timeframe"):
        check_annotations(strays, candles(), others=[candles()])
