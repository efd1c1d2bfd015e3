"""An inbox for what CRMs tell, and when each row was last read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("tenant", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("change", sa.String(length=16), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key"),
    )
    op.create_index("inbox_due", "inbox", ["tenant", "done_at", "due_at"])
    # Rows from before count as read long ago: the next full pull dates them.
    long_ago = sa.text("'1970-01-01 00:00:00'")
    for table in ("lead", "interaction"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("read_at", sa.DateTime(timezone=True), nullable=False, server_default=long_ago))
    op.create_index("interaction_by_id", "interaction", ["tenant", "id", "kind", "lead_id"])


def downgrade() -> None:
    op.drop_index("interaction_by_id", "interaction")
    for table in ("lead", "interaction"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("read_at")
    op.drop_index("inbox_due", "inbox")
    op.drop_table("inbox")
