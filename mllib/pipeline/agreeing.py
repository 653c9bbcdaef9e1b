"""Use cases about several annotators: how far they agree, and deciding where they do not."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from mllib.agreement import Agreement, SharedPlace, Statement, agreement, shared_places
from mllib.candle_gate import check_pair
from mllib.errors import InvalidAnnotations, InvalidConfig, NotFound
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.review import record_verdict
from mllib.pipeline.series_listing import require_known
from mllib.pipeline.workspace import Workspace
from mllib.store import Feedback, Verdict
from mllib.timeframes import parse_timeframe

Named = tuple[str, str]
_BoundsKey = tuple[str, int, int]


def annotator_agreement(
    ws: Workspace,
    *,
    pair: str | None = None,
    timeframe: str | None = None,
    annotators: Sequence[str] = (),
    stored: StoredCandles | None = None,
) -> list[Agreement]:
    """The agreement of every two annotators who judged a place in common, by name; names are as given.

    With two `annotators` or more, these alone. `stored` keeps candles from one call to the next.
    Of an annotator the newest verdict on a place counts, skips and verdicts that settle others apart. Series
    whose candles are not stored are left out: their spans cannot be counted in bars.

    Raises:
        InvalidCandles: the pair or the timeframe cannot name a series.
        NotFound: nothing is known of the pair, or of the series.
        InvalidConfig: there is one annotator alone.
    """
    pair = None if pair is None else check_pair(pair)
    timeframe = None if timeframe is None else parse_timeframe(timeframe)
    wanted = _several(annotators)
    if pair is not None:
        require_known(ws, pair, timeframe)
    said = _statements(ws, pair, timeframe)
    names = sorted({name for by_name in said.values() for name in by_name})
    shared: dict[tuple[str, str], list[SharedPlace]] = {
        both: [] for both in combinations(names, 2) if not wanted or wanted.issuperset(both)
    }
    stored = StoredCandles(ws) if stored is None else stored
    for series, by_name in said.items():
        common = [both for both in shared if by_name.keys() >= {*both}]
        if not common:
            continue
        try:
            time = stored.read(*series).time
        except NotFound:
            continue
        for a, b in common:
            shared[a, b].extend(shared_places(by_name[a], by_name[b], time))
    return [agreement(both, places) for both, places in shared.items() if places]


def _several(annotators: Sequence[str]) -> frozenset[str]:
    """The names, none or several; raises InvalidConfig for one alone."""
    names = frozenset(name.strip() for name in annotators)
    if len(names) == 1:
        raise InvalidConfig(
            f"between: found {next(iter(names))} alone, expected two annotators or more. Name another one "
            "with a second --between, or none."
        )
    return names


def adjudicate(
    ws: Workspace,
    right: str,
    others: Sequence[str],
    *,
    client_id: str,
    annotator: str | None = None,
    note: str | None = None,
) -> tuple[Verdict, bool]:
    """The verdict that lets what verdict `right` says stand for it and `others`, and whether it is new.

    To decide on something that none of them says, record a verdict of one's own that `settles` them.

    Raises:
        NotFound: no verdict that stands has one of the ids.
        InvalidAnnotations: there is no other verdict.
        Conflict: one of them is settled already.
    """
    if not set(others) - {right}:
        raise InvalidAnnotations(
            f"adjudicate: found no verdict beside {right}, expected those that it shall stand for. Name them."
        )
    known = {one.id: one for one in ws.store.verdicts.list(with_settled=True)}
    if right not in known:
        raise NotFound(
            f"adjudicate: found no verdict {right} that stands, expected one of the list of differences. "
            "Take its id from there."
        )
    feedback = replace(
        _again(known[right]),
        client_id=client_id,
        annotator=annotator,
        note=note,
        settles=(right, *others),
    )
    return record_verdict(ws, feedback)


def _again(verdict: Verdict) -> Feedback:
    """What would make a verdict that says the same; only an own label and own bounds are told."""
    corrected = verdict.action in ("correct", "add")
    placed = corrected or verdict.action == "nothing"
    return Feedback(
        client_id=verdict.client_id,
        pair=verdict.pair,
        timeframe=verdict.timeframe,
        action=verdict.action,
        prediction=verdict.prediction,
        label=verdict.label if corrected else None,
        start_time=verdict.start_time if placed else None,
        end_time=verdict.end_time if placed else None,
        as_of=verdict.as_of,
        origin=verdict.origin,
        model_version=verdict.model_version,
        labels=verdict.labels,
    )


def _statements(
    ws: Workspace, pair: str | None, timeframe: str | None
) -> dict[Named, dict[str, list[Statement]]]:
    """Per series and annotator, the newest statement on each place."""
    standing = ws.store.verdicts.list(pair, timeframe, with_settled=True)
    settled = {verdict_id for one in standing for verdict_id in one.settles}
    newest: dict[tuple[Named, str, _BoundsKey], Statement] = {}
    for verdict in standing:
        name = verdict.annotator
        if name is None or verdict.settles:
            continue
        place = verdict.place
        key = (verdict.pair, verdict.timeframe), name, (place.label, place.start_time, place.end_time)
        newest.setdefault(key, _statement(verdict, name, settled=verdict.id in settled))
    found: dict[Named, dict[str, list[Statement]]] = {}
    for (series, name, _), statement in newest.items():
        found.setdefault(series, {}).setdefault(name, []).append(statement)
    return found


def _statement(verdict: Verdict, annotator: str, *, settled: bool) -> Statement:
    return Statement(
        verdict_id=verdict.id,
        annotator=annotator,
        pair=verdict.pair,
        timeframe=verdict.timeframe,
        place=verdict.place,
        said=verdict.span,
        settled=settled,
    )
