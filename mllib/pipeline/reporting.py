"""Use case: what a person reads of a run, its card and its plots."""

from pathlib import Path

from mllib.config import Config, parse_config
from mllib.datasets.builds import list_builds
from mllib.errors import Conflict
from mllib.inference import Predictor
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.workspace import Workspace
from mllib.report import Card, Facts, charts, model_card, to_html, to_markdown, write_report


def run_card(ws: Workspace, run_id: str | None) -> tuple[Card, dict[str, str]]:
    """The card of a run (the champion's where none is named), and its plots as SVG by name.

    Raises:
        NotFound: there is no such run, or no champion yet.
        Conflict: the run has no model, or was trained by a version that measured less.
    """
    run = find_run(ws, run_id)
    predictor = load_run(ws, run)
    if not {"span_scores", "curves", "intervals"} <= predictor.metrics.keys():
        raise Conflict(
            f"run {run.run_id}: found metrics of an earlier version, expected curves and intervals. "
            "Train it again to get its card."
        )
    config = parse_config(run.request["config"], where=f"run {run.run_id}")
    facts = facts_of(ws, predictor, config, data_version=run.data_version)
    return model_card(facts), charts(facts.metrics)


def card_markdown(ws: Workspace, run_id: str | None) -> str:
    """The card as Markdown; raises as `run_card` does."""
    return to_markdown(run_card(ws, run_id)[0])


def card_html(ws: Workspace, run_id: str | None) -> str:
    """The card with its plots as one HTML file; raises as `run_card` does."""
    return to_html(*run_card(ws, run_id))


def keep_report(ws: Workspace, predictor: Predictor, config: Config, *, data_version: str | None) -> Path:
    """Writes the report of a run that has just been trained; its folder in the home."""
    folder = ws.home / "reports" / predictor.info.run_id
    write_report(facts_of(ws, predictor, config, data_version=data_version), folder)
    return folder


def facts_of(ws: Workspace, predictor: Predictor, config: Config, *, data_version: str | None) -> Facts:
    """What the card of a trained model is written from."""
    builds = [build for build in list_builds(ws.datasets) if build.version == data_version]
    return Facts(
        info=predictor.info,
        encoder=predictor.encoder.name,
        provisional_bars=predictor.encoder.provisional_bars,
        needed_bars=predictor.encoder.needed_bars,
        trained_on=predictor.trained_on,
        training=config.stages.training.model_dump(mode="json"),
        data_version=data_version,
        spans=builds[0].spans if builds else {},
        metrics=predictor.metrics,
    )
