"""Use cases about what serves: find a run's model, make it the champion, go back to the one before."""

from collections.abc import Collection

from mllib.errors import Conflict, NotFound
from mllib.inference import Predictor
from mllib.pipeline.labels import present_names
from mllib.pipeline.model_folders import model_folder
from mllib.pipeline.model_history import champion_run
from mllib.pipeline.overview import span_f1_over
from mllib.pipeline.workspace import Workspace
from mllib.store import ChampionMove, MovedBy, Run


def promote(
    ws: Workspace, run_id: str, *, moved_by: MovedBy, reason: str | None = None, over: str | None = None
) -> Run:
    """Makes a run's model the champion of its name; every serving process follows within seconds.

    A run that the gate refused needs `over`, why a person promotes it all the same. That is kept with the
    move, beside the refusal, and the run gets its version now. The worker mirrors the move as MLflow's alias.

    Raises:
        NotFound: no run has that id.
        Conflict: the run has no model, or was refused and `over` says nothing.
        BrokenModel: its predictor folder cannot be loaded; the champion stays.
    """
    run = ws.store.runs.get(run_id)
    load_run(ws, run)
    if run.status == "rejected":
        if over is None or not over.strip():
            raise Conflict(
                f"run {run_id}: found that the gate refused it ({run.error}), expected a run that is ready. "
                'Choose another, or promote over the refusal with a reason: --over "REASON".'
            )
        reason = f"over the gate ({run.error}): {over.strip()}"
        run = ws.store.runs.number(run_id)
    ws.store.champions.move(run.registered_model_name, run_id, moved_by=moved_by, reason=reason)
    return run


def rollback(ws: Workspace, *, name: str | None = None, reason: str | None = None) -> Run:
    """Makes the model that served before the present champion the champion again; its run.

    Going back twice goes two models back: a move that was undone is not gone back to.

    Raises:
        NotFound: there is no champion.
        Conflict: there is none before it.
        BrokenModel: the predictor folder of the one before cannot be loaded; the champion stays.
    """
    leaving, back = rollback_target(ws, name=name)
    undone = f"back from run {leaving}" + (f": {reason}" if reason else "")
    return promote(ws, back, moved_by="rollback", reason=undone, over=undone)


def rollback_target(ws: Workspace, *, name: str | None = None) -> tuple[str, str]:
    """The runs of the present champion and of the one that `rollback` goes back to; raises as it does."""
    registered = name or ws.config.served_model_name
    served = served_before(ws.store.champions.history(registered))
    if not served:
        raise _no_champion(registered)
    if len(served) == 1:
        raise Conflict(
            f"champion of {registered}: found run {served[0]} and none before it, expected an earlier one to "
            "go back to. Promote another run instead."
        )
    return served[-1], served[-2]


def promotion_words(champion: Run | None, run: Run, first: Collection[str]) -> list[str]:
    """What changes when a run takes over from the champion's; `first` are the labels that people use."""
    new = f"version {run.model_version}" if run.model_version is not None else f"run {run.run_id}"
    if champion is None:
        return [f"The served model becomes {new}. Nothing serves now."]
    said = [f"The served model changes from version {champion.model_version} to {new}."]
    if (run.model_type, run.encoder) != (champion.model_type, champion.encoder):
        said.append(
            f"Model and encoder change from {champion.model_type}, {champion.encoder} to "
            f"{run.model_type}, {run.encoder}."
        )
    if run.metrics is None or champion.metrics is None:
        return said
    theirs, own = (span_f1_over(one.metrics or {"span_counts": {}}, first) for one in (champion, run))
    if theirs is not None and own is not None:
        said.append(f"Span F1 over people's labels was {theirs:.3f} on its own test and is {own:.3f}.")
    before, after = set(champion.metrics["span_counts"]), set(run.metrics["span_counts"])
    for words, labels in (("are lost", before - after), ("are new", after - before)):
        if labels:
            said.append(f"Labels that {words}: {', '.join(sorted(labels))}.")
    return said


def served_before(moves: list[ChampionMove]) -> list[str]:
    """The runs that one would come by going back, the present champion last; moves are newest first."""
    served: list[str] = []
    for move in reversed(moves):
        if move.moved_by == "rollback" and move.run_id in served:
            del served[len(served) - served[::-1].index(move.run_id) :]
        elif not served or served[-1] != move.run_id:
            served.append(move.run_id)
    return served


def load_run(ws: Workspace, run: Run) -> Predictor:
    """The Predictor of a run, under the version that the ledger gave it and the present names of labels.

    Raises:
        Conflict: the run has no model.
        BrokenModel: its folder is missing, altered, or from another version of the features.
    """
    if run.predictor_path is None:
        let_go = run.status == "ready"
        raise Conflict(
            f"run {run.run_id}: found "
            + ("that its model was pruned" if let_go else f"{run.status} without a model")
            + ", expected one with a model. Choose another from `candleloop runs`"
            + (", or train again on its dataset." if let_go else ".")
        )
    version = None if run.model_version is None else str(run.model_version)
    predictor = Predictor.load(model_folder(ws, run, run.predictor_path), model_version=version)
    return predictor.under(present_names(ws, predictor.encoder.labels))


def find_run(ws: Workspace, run_id: str | None) -> Run:
    """The run of that id, or the champion's where none is named.

    Raises:
        NotFound: there is no such run, or no champion yet.
    """
    if run_id is not None:
        return ws.store.runs.get(run_id)
    champion = champion_run(ws)
    if champion is None:
        raise _no_champion(ws.config.served_model_name)
    return champion


def find_version(ws: Workspace, name: str) -> Run:
    """The run that a version (`3`, `v3`) of the served name or a run id means.

    Raises:
        NotFound: there is no such version and no such run.
    """
    version = name.removeprefix("v")
    for run in ws.store.runs.list(with_metrics=False):
        of_name = run.registered_model_name == ws.config.served_model_name
        if run.run_id == name or (of_name and str(run.model_version) == version):
            return ws.store.runs.get(run.run_id)
    raise NotFound(
        f"model {name}: found no such version or run, expected one of `candleloop runs`. Correct the name."
    )


def _no_champion(name: str) -> NotFound:
    return NotFound(f"champion of {name}: there is none yet. Train one with `candleloop train`.")
