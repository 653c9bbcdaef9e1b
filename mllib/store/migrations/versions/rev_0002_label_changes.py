"""What became of labels: renamed, merged, retired, restored, recoloured."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('rename', 'merge', 'retire', 'restore', 'recolor')", name=op.f("ck_label_change_kind")
        ),
        sa.ForeignKeyConstraint(
            ["name"], ["label_definition.name"], name=op.f("fk_label_change_name_label_definition")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_change")),
    )
    op.create_index(op.f("ix_label_change_name"), "label_change", ["name"], unique=False)


def downgrade() -> None:
    op.drop_table("label_change")
