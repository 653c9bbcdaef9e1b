"""What the review deck in the browser asks, and what it is answered.

The deck keeps the queue, what was said and where it stands. It asks for places before it needs them and
sends what was said until it is told that it is stored. So nothing of a review is kept here: a reload or a new
server begins with the next question.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from app.background import background, forget
from app.failures import in_words
from app.review.drawing import drawn_place, place_key
from app.review.messages import Ask, AskedPlace, BrowseWish, Kept, QueueWish
from app.session import label_colors, predictor, stored_candles, workspace
from app.signing_in import signed_in_name
from app.words import label_words
from mllib.errors import CandleloopError
from mllib.explaining import explain
from mllib.inference import Predictor
from mllib.pipeline.judging import Delivery, deliver, take_back
from mllib.pipeline.labels import offered_labels
from mllib.pipeline.places import in_order_of_time, place_of
from mllib.pipeline.queueing import QueueEntry, QueueRequest, ReviewQueue, find_places
from mllib.pipeline.review import labels_to_review, series_to_review
from mllib.pipeline.sweeps import sweep_series
from mllib.spans import NOTHING, PredictedSpan

_AROUND = 60
"""So many predictions before and after the present one go to the browser for browsing."""
_REASONS = 5


def answer(asked: dict[str, Any] | None) -> dict[str, Any]:
    """The answer to a question of the deck; to none, what it needs to begin."""
    reply = _standing()
    if asked is None:
        return reply | {"seq": 0}
    ask = Ask.model_validate(asked)
    ask.annotator = reply["signed_in"] or ask.annotator
    parts: dict[str, Callable[[], Any]] = {
        "deliveries": lambda: _deliveries(ask),
        "places": lambda: {one.key: _shown(lambda one=one: _place(one, ask)) for one in ask.want},
        "queue": lambda: ask.queue and _queue(ask.queue),
        "browse": lambda: ask.browse and _shown(lambda: _browse(ask.browse)),
        "reasons": lambda: ask.why and {ask.why.key: _shown(lambda: _reasons(ask.why))},
        "today": lambda: None if ask.today_since is None else _said_since(ask),
    }
    return reply | {"seq": ask.seq, "tab": ask.tab} | {name: make() for name, make in parts.items()}


def _standing() -> dict[str, Any]:
    """What any answer tells: who is signed in, the model, the series and the labels."""
    ws, model = workspace(), predictor()
    return {
        "signed_in": signed_in_name(),
        "model": None if model is None else {"version": model.info.model_version, "run": model.info.run_id},
        "series": series_to_review(ws, model),
        "labels": [
            {"name": one.name, "words": label_words(one.name), "color": one.color, "key": one.key}
            for one in offered_labels(ws)
        ],
        "colors": label_colors(),
        "known": [] if model is None else list(model.labels),
        "asked_about": list(labels_to_review(ws, model)),
    }


def _shown(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a part of an answer is, or the error in its place: the rest of the answer stands."""
    try:
        return make()
    except CandleloopError as exc:
        return {"error": in_words(exc)}


def _deliveries(ask: Ask) -> list[dict[str, Any]]:
    signed_in = signed_in_name()
    found = [_delivery(one, signed_in) for one in ask.outbox]
    found += [take_back(workspace(), one.client_id, one.verdict_id, ask.annotator) for one in ask.take_back]
    return [asdict(one) for one in found]


def _delivery(kept: dict[str, Any], signed_in: str | None) -> Delivery:
    try:
        said = Kept.model_validate(kept).said()
    except (ValidationError, TypeError):
        refused = "This was kept by another version of the console and cannot be read. Say it again there."
        return Delivery(client_id=str(kept.get("client_id")), refused=refused)
    if signed_in not in (None, said.feedback.annotator):
        who = said.feedback.annotator or "someone without a name"
        return Delivery(
            client_id=said.feedback.client_id, delayed=f"said by {who}, stored once they sign in here"
        )
    return deliver(workspace(), said)


def _place(asked: AskedPlace, ask: Ask) -> dict[str, Any]:
    place = place_of(
        workspace(),
        stored_candles(),
        predictor(),
        pair=asked.pair,
        timeframe=asked.timeframe,
        span=asked.span,
        bars=ask.view.bars,
        hidden_after=ask.view.hidden_after,
        with_talib=ask.view.talib,
    )
    labels = ask.view.labels
    shown = labels_to_review(workspace(), predictor()) if labels is None else labels
    return drawn_place(place, key=asked.key, annotator=ask.annotator, colors=label_colors(), shown=shown)


def _queue(wish: QueueWish) -> dict[str, Any]:
    model = predictor()
    if model is None:
        return {"id": wish.id, "entries": [], "notes": []}
    series = None if wish.series is None else [_series(name) for name in wish.series]
    request = QueueRequest(size=wish.size, series=series, labels=wish.labels)
    task = background(
        ("queue", str(workspace().home), model.info.run_id, wish.id),
        find_places,
        workspace(),
        stored_candles(),
        model,
        request,
        long=True,
    )
    if not task.done:
        return {"id": wish.id, "progress": task.progress, "stage": task.stage}
    return {"id": wish.id} | _shown(lambda: _entries(task.result, model))


def _entries(queue: ReviewQueue, model: Predictor) -> dict[str, Any]:
    return {"entries": [_entry(one, model) for one in queue.entries], "notes": queue.notes}


def _entry(one: QueueEntry, model: Predictor) -> dict[str, Any]:
    human = None if one.human is None else {"label": one.human.label, "annotator": one.human.annotator}
    return _prediction(one.span, one.pair, one.timeframe, model) | {
        "origin": one.origin,
        "why": one.why,
        "regime": one.regime,
        "human": human,
    }


def _prediction(span: PredictedSpan, pair: str, timeframe: str, model: Predictor) -> dict[str, Any]:
    version = model.info.model_version
    return {
        "key": f"{pair}|{timeframe}|{place_key(span)}|{version}",
        "pair": pair,
        "timeframe": timeframe,
        "label": None if span.label == NOTHING else span.label,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "confidence": span.avg_confidence,
        "candle_count": span.candle_count,
        "model_version": version,
    }


def _browse(wish: BrowseWish) -> dict[str, Any]:
    pair, timeframe = _series(wish.series)
    history, model = stored_candles().read(pair, timeframe), predictor()
    bounds = {"first_time": int(history.time[0]), "last_time": int(history.time[-1])}
    at = bounds["last_time"] if wish.at is None else wish.at
    if model is None:
        return {"id": wish.id, "entries": [], "total": 0, "first": 0, "at": at} | bounds
    version = workspace().candles.version(pair, timeframe)
    name = ("browse", str(workspace().home), model.info.run_id, pair, timeframe, version)
    task = background(
        name,
        sweep_series,
        workspace(),
        stored_candles(),
        model,
        pair=pair,
        timeframe=timeframe,
        long=True,
    )
    if not task.done:
        return {"id": wish.id, "progress": task.progress, "stage": task.stage or f"reading {wish.series}"}
    if task.error is not None:
        forget(name)  # who asks again has it tried again
    labels = labels_to_review(workspace(), model) if wish.labels is None else wish.labels
    spans, total, first = in_order_of_time(
        task.result.spans, at=at, threshold=wish.threshold, labels=labels, around=_AROUND
    )
    entries = [_prediction(span, pair, timeframe, model) for span in spans]
    return {"id": wish.id, "entries": entries, "total": total, "first": first, "at": at} | bounds


def _reasons(asked: AskedPlace) -> dict[str, Any]:
    model, span = predictor(), asked.span
    if model is None or not isinstance(span, PredictedSpan):
        return {"reasons": []}
    history = stored_candles().read(asked.pair, asked.timeframe).between(None, asked.as_of)
    found = explain(model, history, span, most=_REASONS).reasons
    return {"reasons": [{"words": r.words, "for": r.weight > 0, "share": r.share} for r in found]}


def _said_since(ask: Ask) -> int:
    said = workspace().store.verdicts.list()
    since = ask.today_since or 0
    return sum(v.annotator == ask.annotator and v.created_at >= since and v.action != "skip" for v in said)


def _series(name: str) -> tuple[str, str]:
    pair, timeframe = name.rsplit(" ", 1)
    return pair, timeframe
