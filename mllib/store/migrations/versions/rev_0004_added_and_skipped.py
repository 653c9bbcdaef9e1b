"""Verdicts that add a span, skip a place, miss nothing or settle others, and what was visible then."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CHECK = "ck_verdict_action"
_BEFORE = "action IN ('confirm', 'correct', 'dismiss')"
_NOW = "action IN ('confirm', 'correct', 'dismiss', 'add', 'skip', 'nothing')"
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
        batch.add_column(sa.Column("labels", sa.JSON(none_as_null=True), nullable=True))
    _tie_reviewed_ranges()
    _create_verdict_retraction()
    _create_settlement()


def downgrade() -> None:
    """What an older version cannot hold goes; annotations of added spans stay."""
    op.drop_table("settlement")
    op.drop_table("verdict_retraction")
    op.execute("DELETE FROM reviewed_range WHERE verdict_id IS NOT NULL")
    op.drop_index(op.f("ix_reviewed_range_verdict_id"), "reviewed_range")
    with op.batch_alter_table("reviewed_range") as batch:
        batch.drop_constraint(op.f("fk_reviewed_range_verdict_id_verdict"), type_="foreignkey")
        batch.drop_column("verdict_id")
    op.execute("DELETE FROM verdict WHERE action IN ('add', 'skip', 'nothing')")
    with op.batch_alter_table("verdict") as batch:
        for name in ("labels", "settles", "origin", "as_of"):
            batch.drop_column(name)
        for name, type_ in _OPTIONAL.items():
            batch.alter_column(name, existing_type=type_, nullable=False)
        batch.drop_constraint(op.f(_CHECK), type_="check")
        batch.create_check_constraint(op.f(_CHECK), _BEFORE)


def _tie_reviewed_ranges() -> None:
    with op.batch_alter_table("reviewed_range") as batch:
        batch.add_column(sa.Column("verdict_id", sa.String(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_reviewed_range_verdict_id_verdict"),
            "verdict",
            ["verdict_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.create_index(op.f("ix_reviewed_range_verdict_id"), "reviewed_range", ["verdict_id"], unique=False)


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
        sa.Column("annotation_id", sa.String(), nullable=True),
        sa.Column("settled_verdict_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_settlement_annotation_id_annotation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["settled_verdict_id"],
            ["verdict.id"],
            name=op.f("fk_settlement_settled_verdict_id_verdict"),
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
    for name in ("settled_verdict_id", "verdict_id"):
        op.create_index(op.f(f"ix_settlement_{name}"), "settlement", [name], unique=False)
