"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ACTIVE = sa.text("status IN ('queued', 'running')")
_ROOT = sa.text("supersedes IS NULL")


def upgrade() -> None:
    _create_label_definition()
    _create_series()
    _create_training_run()
    _create_worker_heartbeat()
    _create_annotation()
    _create_champion_move()
    _create_talib_layer()
    _create_talib_span()
    _create_retraction()
    _create_reviewed_range()
    _create_verdict()


def downgrade() -> None:
    for table in (
        "verdict",
        "reviewed_range",
        "retraction",
        "talib_span",
        "talib_layer",
        "champion_move",
        "annotation",
        "worker_heartbeat",
        "training_run",
        "series",
        "label_definition",
    ):
        op.drop_table(table)


def _create_label_definition() -> None:
    op.create_table(
        "label_definition",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("color", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_label_definition")),
        sa.UniqueConstraint("key", name=op.f("uq_label_definition_key")),
    )


def _create_series() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("pair", "timeframe", name=op.f("uq_series_pair_timeframe")),
    )


def _create_training_run() -> None:
    op.create_table(
        "training_run",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("model_type", sa.String(), nullable=False),
        sa.Column("encoder", sa.String(), nullable=False),
        sa.Column("registered_model_name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("data_version", sa.String(), nullable=True),
        sa.Column("mlflow_run_id", sa.String(), nullable=True),
        sa.Column("model_version", sa.Integer(), nullable=True),
        sa.Column("predictor_path", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("heartbeat_at", sa.Float(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'failed', 'cancelled', 'rejected', 'ready')",
            name=op.f("ck_training_run_status"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_training_run")),
        sa.UniqueConstraint(
            "registered_model_name",
            "model_version",
            name=op.f("uq_training_run_registered_model_name_model_version"),
        ),
        sa.UniqueConstraint("run_id", name=op.f("uq_training_run_run_id")),
    )
    op.create_index(
        "uq_training_run_active_slot",
        "training_run",
        ["slot"],
        unique=True,
        sqlite_where=_ACTIVE,
        postgresql_where=_ACTIVE,
    )


def _create_worker_heartbeat() -> None:
    op.create_table(
        "worker_heartbeat",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_heartbeat")),
    )


def _create_annotation() -> None:
    op.create_table(
        "annotation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=False),
        sa.Column("clarity", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("sub_spans", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("annotator", sa.String(), nullable=True),
        sa.Column("model_prediction", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("extra", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("supersedes", sa.String(), nullable=True),
        sa.CheckConstraint("start_time <= end_time", name=op.f("ck_annotation_times")),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_annotation_series_id_series"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["supersedes"],
            ["annotation.id"],
            name=op.f("fk_annotation_supersedes_annotation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint("supersedes", name=op.f("uq_annotation_supersedes")),
    )
    op.create_index(op.f("ix_annotation_external_id"), "annotation", ["external_id"], unique=False)
    op.create_index(
        "ix_annotation_series_id_start_time", "annotation", ["series_id", "start_time"], unique=False
    )
    op.create_index(
        "uq_annotation_series_id_external_id",
        "annotation",
        ["series_id", "external_id"],
        unique=True,
        sqlite_where=_ROOT,
        postgresql_where=_ROOT,
    )


def _create_champion_move() -> None:
    op.create_table(
        "champion_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registered_model_name", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("moved_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["training_run.run_id"], name=op.f("fk_champion_move_run_id_training_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_champion_move")),
    )
    op.create_index(
        "ix_champion_move_registered_model_name_id",
        "champion_move",
        ["registered_model_name", "id"],
        unique=False,
    )


def _create_talib_layer() -> None:
    op.create_table(
        "talib_layer",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("labelled_to_time", sa.BigInteger(), nullable=False),
        sa.Column("span_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_talib_layer_series_id_series"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", "function", name=op.f("pk_talib_layer")),
    )


def _create_talib_span() -> None:
    op.create_table(
        "talib_span",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_talib_span_series_id_series"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talib_span")),
    )
    op.create_index("ix_talib_span_series_id_function", "talib_span", ["series_id", "function"], unique=False)


def _create_retraction() -> None:
    op.create_table(
        "retraction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("annotation_id", sa.String(), nullable=False),
        sa.Column("annotator", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_retraction_annotation_id_annotation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retraction")),
        sa.UniqueConstraint("annotation_id", name=op.f("uq_retraction_annotation_id")),
    )


def _create_reviewed_range() -> None:
    op.create_table(
        "reviewed_range",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("annotation_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("start_time <= end_time", name=op.f("ck_reviewed_range_times")),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_reviewed_range_annotation_id_annotation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_reviewed_range_series_id_series"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewed_range")),
    )
    op.create_index(
        op.f("ix_reviewed_range_annotation_id"), "reviewed_range", ["annotation_id"], unique=False
    )
    op.create_index(
        "ix_reviewed_range_series_id_start_time", "reviewed_range", ["series_id", "start_time"], unique=False
    )


def _create_verdict() -> None:
    op.create_table(
        "verdict",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("predicted_label", sa.String(), nullable=False),
        sa.Column("predicted_start_time", sa.BigInteger(), nullable=False),
        sa.Column("predicted_end_time", sa.BigInteger(), nullable=False),
        sa.Column("predicted_confidence", sa.Float(), nullable=True),
        sa.Column("model_version", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=False),
        sa.Column("annotator", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("annotation_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("action IN ('confirm', 'correct', 'dismiss')", name=op.f("ck_verdict_action")),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_verdict_annotation_id_annotation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_verdict_series_id_series"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_verdict")),
        sa.UniqueConstraint("client_id", name=op.f("uq_verdict_client_id")),
        sa.UniqueConstraint("id", name=op.f("uq_verdict_id")),
    )
    op.create_index(op.f("ix_verdict_annotation_id"), "verdict", ["annotation_id"], unique=False)
    op.create_index("ix_verdict_series_id_created_at", "verdict", ["series_id", "created_at"], unique=False)
