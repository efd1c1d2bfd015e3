"""A model is in use from when it is promoted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_version", sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True))
    # Until now the newest model was the one in use.
    op.execute("UPDATE model_version SET promoted_at = trained_at")


def downgrade() -> None:
    with op.batch_alter_table("model_version") as table:
        table.drop_column("promoted_at")
