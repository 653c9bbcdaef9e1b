"""Verdicts that add a span, skip a place or settle others, and what was visible when they were given."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CHECK = "ck_verdict_action"
_BEFORE = "action IN ('confirm', 'correct', 'dismiss')"
_NOW = "action IN ('confirm', 'correct', 'dismiss', 'add', 'skip')"
_OPTIONAL: dict[str, sa.types.TypeEngine[Any]] = {
    "predicted_label": sa.String(),
    "predicted_start_time": sa.BigInteger(),
    "predicted_end_time": sa.BigInteger(),
    "annotation_id": sa.String(),
}


def upgrade() -> None:
    with op.batch_alter_table("verdict") as batch:
        batch.drop_constraint(op.f(_CHECK), type_="check")
        batch.create_check_constraint(op.f(_CHECK), _NOW)
        for name, type_ in _OPTIONAL.items():
            batch.alter_column(name, existing_type=type_, nullable=True)
        batch.add_column(sa.Column("as_of", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("origin", sa.String(), nullable=True))
        batch.add_column(sa.Column("settles", sa.JSON(none_as_null=True), nullable=True))
    _create_verdict_retraction()
    _create_settlement()


def downgrade() -> None:
    """What an older version cannot hold goes; annotations of added spans stay."""
    op.drop_table("settlement")
    op.drop_table("verdict_retraction")
    op.execute("DELETE FROM verdict WHERE action IN ('add', 'skip')")
    with op.batch_alter_table("verdict") as batch:
        for name in ("settles", "origin", "as_of"):
            batch.drop_column(name)
        for name, type_ in _OPTIONAL.items():
            batch.alter_column(name, existing_type=type_, nullable=False)
        batch.drop_constraint(op.f(_CHECK), type_="check")
        batch.create_check_constraint(op.f(_CHECK), _BEFORE)


def _create_verdict_retraction() -> None:
    op.create_table(
        "verdict_retraction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verdict_id", sa.String(), nullable=False),
        sa.Column("annotator", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["verdict_id"],
            ["verdict.id"],
            name=op.f("fk_verdict_retraction_verdict_id_verdict"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict_retraction")),
        sa.UniqueConstraint("verdict_id", name=op.f("uq_verdict_retraction_verdict_id")),
    )


def _create_settlement() -> None:
    op.create_table(
        "settlement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verdict_id", sa.String(), nullable=False),
        sa.Column("annotation_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_settlement_annotation_id_annotation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["verdict_id"], ["verdict.id"], name=op.f("fk_settlement_verdict_id_verdict"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint(
            "annotation_id", "verdict_id", name=op.f("uq_settlement_annotation_id_verdict_id")
        ),
    )
    op.create_index(op.f("ix_settlement_verdict_id"), "settlement", ["verdict_id"], unique=False)
