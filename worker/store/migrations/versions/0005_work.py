"""What is to be done, by whom, and what was done: accounts, work, dirty leads, runs, audit, heartbeats, counters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("pulled_at", _TIME),
        sa.Column("paused_at", _TIME),
        sa.Column("pause_reason", sa.Text()),
        sa.Column("throttled_until", _TIME),
    )
    op.create_table(
        "work",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("job", sa.String(16), primary_key=True),
        sa.Column("stage", sa.String(255), primary_key=True),
        sa.Column("dirty_seq", sa.BigInteger(), nullable=False),
        sa.Column("done_seq", sa.BigInteger(), nullable=False),
        sa.Column("dirty_at", _TIME),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("stale_before", _TIME),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", _TIME, nullable=False),
        sa.Column("claimed_at", _TIME),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("parked_reason", sa.Text()),
    )
    op.create_index("work_due", "work", ["job", "due_at"])
    op.create_table(
        "dirty_lead",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("lead_id", sa.String(80), primary_key=True),
        sa.Column("stage", sa.String(255), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("dirty_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("parked_reason", sa.Text()),
    )
    op.create_index("dirty_lead_by_stage", "dirty_lead", ["tenant", "stage"])
    op.create_table(
        "run",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("job", sa.String(16), primary_key=True),
        sa.Column("day", sa.String(32), primary_key=True),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String(80), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("lead_id", sa.String(80)),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    op.create_index("audit_by_lead", "audit", ["tenant", "lead_id", "at"])
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("beat_at", _TIME, nullable=False),
    )
    op.create_table(
        "counter",
        sa.Column("tenant", sa.String(80), primary_key=True),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    # Scores without their reason cannot be put in order again; the next ranking makes them all anew.
    op.execute("DELETE FROM score")
    with op.batch_alter_table("score") as batch:
        for name in ("insufficient", "from_own_history"):
            batch.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("reason", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("input_hash", sa.String(64), nullable=False, server_default=""))
    op.create_index("score_by_stage", "score", ["tenant", "stage", "ranked_at"])
    with op.batch_alter_table("writeback") as batch:
        batch.add_column(sa.Column("due_at", _TIME))
        batch.add_column(sa.Column("parked", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("ranked", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch.add_column(sa.Column("input_hash", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("writeback") as batch:
        batch.drop_column("input_hash")
        batch.drop_column("ranked")
        batch.drop_column("parked")
        batch.drop_column("due_at")
    op.drop_index("score_by_stage", "score")
    with op.batch_alter_table("score") as batch:
        for name in ("input_hash", "reason", "from_own_history", "insufficient"):
            batch.drop_column(name)
    for table, index in (("audit", "audit_by_lead"), ("dirty_lead", "dirty_lead_by_stage"), ("work", "work_due")):
        op.drop_index(index, table)
    for table in ("counter", "heartbeat", "audit", "run", "dirty_lead", "work", "account"):
        op.drop_table(table)
