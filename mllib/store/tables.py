"""The tables. Rows stay inside `mllib.store`; repositories hand out frozen dataclasses.

Times are Unix seconds UTC in 64-bit integers (PostgreSQL's INTEGER ends in 2038); heartbeats are
floats. A change here needs a migration: `tests/store/test_migrating.py` compares the two.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""SQLite can alter a constraint only by name, so every one has a predictable name."""

IS_ROOT = text("supersedes IS NULL")
IS_ACTIVE = text("status IN ('queued', 'running')")


class Table(SQLModel):
    """What all tables share: a metadata of their own, so that no other SQLModel can slip in."""

    metadata = MetaData(naming_convention=NAMING)


def _parent(column: str, *, nullable: bool = False, index: bool = False) -> Any:
    """A foreign key whose rows go with their parent; only `series.delete` ever deletes a parent."""
    key = ForeignKey(column, ondelete="CASCADE")
    return Field(sa_column=Column(key, nullable=nullable, index=index), default=None)


def _json() -> Any:
    return Field(sa_column=Column(JSON(none_as_null=True), nullable=True), default=None)


def _seconds(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(BigInteger(), nullable=nullable), default=None)


class Series(Table, table=True):
    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("pair", "timeframe"),)
    id: int | None = Field(default=None, primary_key=True)
    pair: str
    timeframe: str


class LabelDefinition(Table, table=True):
    __tablename__ = "label_definition"
    name: str = Field(primary_key=True)
    color: str
    key: str | None = Field(default=None, unique=True)
    created_at: int = _seconds()


class LabelChange(Table, table=True):
    """Append-only; of the changes of a name other than its colour, the newest counts.

    `value` is the label that a rename or merge leads to, or the colour before a new one.
    """

    __tablename__ = "label_change"
    __table_args__ = (
        CheckConstraint("kind IN ('rename', 'merge', 'retire', 'restore', 'recolor')", name="kind"),
    )
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(
        sa_column=Column(String(), ForeignKey("label_definition.name"), nullable=False, index=True)
    )
    kind: str
    value: str | None = None
    created_at: int = _seconds()


class Annotation(Table, table=True):
    """Append-only: an edit is a new row that supersedes, an undo is a retraction."""

    __tablename__ = "annotation"
    __table_args__ = (
        Index(
            "uq_annotation_series_id_external_id",
            "series_id",
            "external_id",
            unique=True,
            sqlite_where=IS_ROOT,
            postgresql_where=IS_ROOT,
        ),
        Index("ix_annotation_series_id_start_time", "series_id", "start_time"),
        CheckConstraint("start_time <= end_time", name="times"),
    )
    id: str = Field(primary_key=True)
    series_id: int = _parent("series.id")
    external_id: str | None = Field(default=None, index=True)
    label: str
    start_time: int = _seconds()
    end_time: int = _seconds()
    clarity: int | None = None
    outcome: str | None = None
    sub_spans: list[dict[str, Any]] | None = _json()
    notes: str | None = None
    source: str
    annotator: str | None = None
    model_prediction: dict[str, Any] | None = _json()
    extra: dict[str, Any] | None = _json()
    created_at: int = _seconds()
    supersedes: str | None = Field(
        sa_column=Column(ForeignKey("annotation.id", ondelete="CASCADE"), unique=True), default=None
    )


class Retraction(Table, table=True):
    __tablename__ = "retraction"
    id: int | None = Field(default=None, primary_key=True)
    annotation_id: str = Field(
        sa_column=Column(ForeignKey("annotation.id", ondelete="CASCADE"), nullable=False, unique=True)
    )
    annotator: str | None = None
    reason: str | None = None
    created_at: int = _seconds()


class ReviewedRange(Table, table=True):
    """Void once the annotation, or the verdict without one, that it is tied to is retracted."""

    __tablename__ = "reviewed_range"
    __table_args__ = (
        Index("ix_reviewed_range_series_id_start_time", "series_id", "start_time"),
        CheckConstraint("start_time <= end_time", name="times"),
    )
    id: int | None = Field(default=None, primary_key=True)
    series_id: int = _parent("series.id")
    start_time: int = _seconds()
    end_time: int = _seconds()
    labels: list[str] = Field(sa_column=Column(JSON(), nullable=False))
    annotation_id: str | None = _parent("annotation.id", nullable=True, index=True)
    verdict_id: str | None = _parent("verdict.id", nullable=True, index=True)
    created_at: int = _seconds()


class TalibSpan(Table, table=True):
    """A derived layer: replaced as a whole per function, and not append-only."""

    __tablename__ = "talib_span"
    __table_args__ = (Index("ix_talib_span_series_id_function", "series_id", "function"),)
    id: int | None = Field(default=None, primary_key=True)
    series_id: int = _parent("series.id")
    function: str
    label: str
    start_time: int = _seconds()
    end_time: int = _seconds()
    confidence: float


class TalibLayer(Table, table=True):
    __tablename__ = "talib_layer"
    series_id: int = Field(sa_column=Column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True))
    function: str = Field(primary_key=True)
    labelled_to_time: int = _seconds()
    span_count: int


class Verdict(Table, table=True):
    """Without a prediction where a span was added, without an annotation where a place was skipped.

    Without either where nothing was missing; `labels` are those that were looked for.
    """

    __tablename__ = "verdict"
    __table_args__ = (
        Index("ix_verdict_series_id_created_at", "series_id", "created_at"),
        CheckConstraint(
            "action IN ('confirm', 'correct', 'dismiss', 'add', 'skip', 'nothing')", name="action"
        ),
    )
    seq: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    client_id: str = Field(unique=True)
    series_id: int = _parent("series.id")
    action: str
    predicted_label: str | None = None
    predicted_start_time: int | None = _seconds(nullable=True)
    predicted_end_time: int | None = _seconds(nullable=True)
    predicted_confidence: float | None = None
    model_version: str | None = None
    label: str
    start_time: int = _seconds()
    end_time: int = _seconds()
    annotator: str | None = None
    note: str | None = None
    annotation_id: str | None = _parent("annotation.id", nullable=True, index=True)
    as_of: int | None = _seconds(nullable=True)
    origin: str | None = None
    settles: list[str] | None = _json()
    labels: list[str] | None = _json()
    created_at: int = _seconds()


class VerdictRetraction(Table, table=True):
    """Undoes a verdict that made no annotation; the others go with the retraction of theirs."""

    __tablename__ = "verdict_retraction"
    id: int | None = Field(default=None, primary_key=True)
    verdict_id: str = Field(
        sa_column=Column(ForeignKey("verdict.id", ondelete="CASCADE"), nullable=False, unique=True)
    )
    annotator: str | None = None
    created_at: int = _seconds()


class Settlement(Table, table=True):
    """What is out of force for as long as the verdict that settled it stands: an annotation, or a verdict
    that made none.
    """

    __tablename__ = "settlement"
    __table_args__ = (UniqueConstraint("annotation_id", "verdict_id"),)
    id: int | None = Field(default=None, primary_key=True)
    verdict_id: str = _parent("verdict.id", index=True)
    annotation_id: str | None = _parent("annotation.id", nullable=True)
    settled_verdict_id: str | None = _parent("verdict.id", nullable=True, index=True)
    created_at: int = _seconds()


class TrainingRun(Table, table=True):
    """The ledger. Runs of one slot never run side by side; one machine is one slot."""

    __tablename__ = "training_run"
    __table_args__ = (
        Index(
            "uq_training_run_active_slot",
            "slot",
            unique=True,
            sqlite_where=IS_ACTIVE,
            postgresql_where=IS_ACTIVE,
        ),
        UniqueConstraint("registered_model_name", "model_version"),
        CheckConstraint(
            "status IN ('queued', 'running', 'failed', 'cancelled', 'rejected', 'ready')", name="status"
        ),
    )
    seq: int | None = Field(default=None, primary_key=True)
    run_id: str = Field(unique=True)
    slot: int = 1
    model_type: str
    encoder: str
    registered_model_name: str
    status: str
    request: dict[str, Any] = Field(sa_column=Column(JSON(), nullable=False))
    progress: float = 0.0
    stage: str = ""
    error: str | None = None
    metrics: dict[str, Any] | None = _json()
    data_version: str | None = None
    mlflow_run_id: str | None = None
    model_version: int | None = None
    predictor_path: str | None = None
    owner: str | None = None
    attempt: int = 0
    created_at: int = _seconds()
    started_at: int | None = _seconds(nullable=True)
    heartbeat_at: float | None = None
    completed_at: int | None = _seconds(nullable=True)


class ChampionMove(Table, table=True):
    """Append-only; the newest move of a name is its champion."""

    __tablename__ = "champion_move"
    __table_args__ = (Index("ix_champion_move_registered_model_name_id", "registered_model_name", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    registered_model_name: str
    run_id: str = Field(sa_column=Column(String(), ForeignKey("training_run.run_id"), nullable=False))
    moved_by: str
    reason: str | None = None
    moved_at: int = _seconds()


class WorkerHeartbeat(Table, table=True):
    __tablename__ = "worker_heartbeat"
    name: str = Field(primary_key=True)
    pid: int
    host: str
    started_at: int = _seconds()
    beat_at: float


class ApiKey(Table, table=True):
    """Never deleted: that a key was ever created closes the API to everybody without one."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    name: str
    secret_hash: str
    scopes: list[str] = Field(sa_column=Column(JSON(), nullable=False))
    created_at: int = _seconds()
    revoked_at: int | None = _seconds(nullable=True)
