"""The chart's matching of spans has to say what `mllib.disagreement.compare` says.

The cases lie beside the chart's own tests, which compare against them: `web/tests/spans/matching.test.ts`.
"""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mllib.disagreement import compare
from mllib.spans import Span

CASES = Path(__file__).parents[2] / "web" / "tests" / "spans" / "matching-cases.json"
HOW = "PYTHONPATH=. .venv/bin/python tests/web/test_matching.py"
LABELS = ("flag", "wedge", "hammer")
SEED = 20_240_607


def cases_text(count: int = 150) -> str:
    """The cases as JSON, one a line: opens, spans of both layers, and the pairs by place in the lists."""
    draw = random.Random(SEED)
    lines = [json.dumps(_case(draw, number), separators=(",", ":")) for number in range(count)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _case(draw: random.Random, number: int) -> dict[str, Any]:
    time = _opens(draw, draw.randint(1, 24), gaps=number % 3 == 0)
    a = [_span(draw, time) for _ in range(draw.randint(0, 7))]
    b = [_near(draw, one, time) for one in a if draw.random() < 0.7]
    b += [_span(draw, time) for _ in range(draw.randint(0, 3))]
    draw.shuffle(b)
    return {"time": time, "a": _listed(a), "b": _listed(b), "pairs": _pairs(a, b, time)}


def _opens(draw: random.Random, bars: int, *, gaps: bool) -> list[int]:
    steps = [draw.choice((1, 1, 1, 4)) if gaps else 1 for _ in range(bars)]
    return [10 + sum(steps[:at]) for at in range(bars)]


def _span(draw: random.Random, time: list[int]) -> Span:
    """A span that holds a candle at least; now and then it reaches beyond them or is one candle long."""
    one, other = sorted((draw.choice(time), draw.choice(time)))
    kind = draw.random()
    if kind < 0.2:
        other = one
    elif kind < 0.3:
        one -= 5
    elif kind < 0.4:
        other += 5
    return Span(draw.choice(LABELS), one, other)


def _near(draw: random.Random, span: Span, time: list[int]) -> Span:
    """The same, or with other bounds, or of another label."""
    label = span.label if draw.random() < 0.6 else draw.choice(LABELS)
    start, end = (bound + draw.choice((0, 0, 0, -1, 1, 2)) for bound in (span.start_time, span.end_time))
    moved = Span(label, start, end)
    return moved if any(start <= opened <= end for opened in time) else replace(span)


def _listed(spans: list[Span]) -> list[list[str | int]]:
    return [[span.label, span.start_time, span.end_time] for span in spans]


def _pairs(a: list[Span], b: list[Span], time: list[int]) -> list[list[int | None]]:
    """Place in `a`, place in `b`, start and end in candles; sorted, a missing place last."""
    place = {id(span): at for spans in (a, b) for at, span in enumerate(spans)}
    pairs = [
        [
            None if pair.a is None else place[id(pair.a)],
            None if pair.b is None else place[id(pair.b)],
            pair.start_bars,
            pair.end_bars,
        ]
        for pair in compare(a, b, np.array(time))
    ]
    return sorted(pairs, key=lambda pair: [len(a) + len(b) if at is None else at for at in pair[:2]])


def test_the_cases_that_the_chart_is_held_to_are_those_of_the_service() -> None:
    assert cases_text() == CASES.read_text(encoding="utf-8"), f"write them anew with `{HOW}` and commit them"


def test_the_cases_cover_what_matching_has_to_decide() -> None:
    cases = json.loads(cases_text())
    pairs = [pair for case in cases for pair in case["pairs"]]
    one_to_one = [(case, pair) for case in cases for pair in case["pairs"] if None not in pair[:2]]
    other_label = [pair for case, pair in one_to_one if case["a"][pair[0]][0] != case["b"][pair[1]][0]]
    beyond = [s for case in cases for s in case["a"] if s[1] < case["time"][0] or s[2] > case["time"][-1]]
    twins = [case for case in cases if len({tuple(span) for span in case["a"]}) < len(case["a"])]
    for found in (
        other_label,
        beyond,
        [pair for pair in pairs if pair[0] is None],
        [p for p in pairs if p[3]],
    ):
        assert len(found) > 20
    assert len(twins) > 5
    assert len(CASES.read_bytes()) < 60_000


if __name__ == "__main__":
    CASES.write_text(cases_text(), encoding="utf-8")
