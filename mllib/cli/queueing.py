"""`candleloop queue`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.cli.output import Json, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from mllib.inference import Predictor
    from mllib.pipeline.queueing import QueueEntry
    from mllib.pipeline.workspace import Workspace

Pairs = Annotated[
    list[str] | None,
    typer.Option("--pair", help="Symbol; may be repeated. By default all series of the model's timeframes."),
]
Timeframes = Annotated[str | None, typer.Option("--timeframe", help="By default those of the model.")]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", help="Label; may be repeated. By default those that people give."),
]
RunId = Annotated[
    str | None, typer.Option("--run", help="Version, such as 3, or run id; the champion by default.")
]
Size = Annotated[int, typer.Option("--size", min=1, max=10_000, help="How many places at most.")]


def queue(
    pair: Pairs = None,
    timeframe: Timeframes = None,
    label: Labels = None,
    size: Size = 50,
    run: RunId = None,
    as_json: Json = False,
) -> None:
    """List the places that are worth a person's minute, and why.

    What the model is unsure of, what two models or a person and the model see differently, labels that are in
    doubt, and a random sample of what nobody has looked at, mixed as `stages.acquisition` says.
    """
    from mllib.pipeline.predicting import StoredCandles
    from mllib.pipeline.promoting import find_run, find_version, load_run
    from mllib.pipeline.queueing import QueueRequest, find_places
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        predictor = load_run(ws, find_run(ws, None) if run is None else find_version(ws, run))
        series = _series(ws, predictor, pair or [], timeframe)
        request = QueueRequest(size=size, series=series, labels=label or None)
        with progress_bar("Looking") as progress:
            found = find_places(ws, StoredCandles(ws), predictor, request, progress=progress)
    if as_json:
        version = predictor.info.model_version
        entries = [_plain(one) for one in found.entries]
        print_json({"model_version": version, "entries": entries, "notes": found.notes})
        return
    _show(found.entries, f"Where to look next, by version {predictor.info.model_version}")
    for note in found.notes:
        say(note)


def _series(
    ws: "Workspace", predictor: "Predictor", pairs: list[str], timeframe: str | None
) -> list[tuple[str, str]] | None:
    """The series that are named by pair, timeframe or both; None where neither is.

    Raises:
        NotFound: no candles are stored, or none of the timeframe.
    """
    from mllib.errors import NotFound
    from mllib.pipeline.queue_sweeps import series_to_read
    from mllib.timeframes import parse_timeframe

    wanted = None if timeframe is None else parse_timeframe(timeframe)
    stored = [(one.pair, one.timeframe) for one in ws.candles.list() if wanted in (None, one.timeframe)]
    if pairs and wanted is not None:
        return [(one, wanted) for one in pairs]
    if not stored:
        raise NotFound(
            f"queue: found no candles stored{'' if wanted is None else f' of {wanted}'}, expected some to "
            "look at. Import some with `candleloop candles import`, or have samples with `candleloop up`."
        )
    if not pairs:
        return None if wanted is None else stored
    read = series_to_read(ws, predictor)
    return [one for pair in pairs for one in [s for s in read if s[0] == pair] or [(pair, read[0][1])]]


def _plain(entry: "QueueEntry") -> dict[str, Any]:
    human = entry.human
    drawn = None
    if human is not None:
        names = ("id", "label", "start_time", "end_time", "annotator")
        drawn = {name: getattr(human, name) for name in names}
    return asdict(entry) | {"human": drawn}


def _show(entries: "list[QueueEntry]", title: str) -> None:
    from mllib.timeframes import iso_utc

    rows = [
        (
            f"{one.pair} {one.timeframe}",
            iso_utc(one.span.start_time),
            one.span.candle_count,
            one.span.label,
            f"{one.span.avg_confidence:.2f}",
            one.origin.replace("_", " "),
            one.why,
        )
        for one in entries
    ]
    print_table(title, ("series", "from", "candles", "label", "confidence", "origin", "why"), rows)


commands = (queue,)
