"""The Celery application: queues, settings and the reason for each of them.

    celery -A worker.app worker -Q pull -c 2
    celery -A worker.app worker -Q gpu,gpu_nightly -c 1      one for each accelerator
    celery -A worker.app worker -Q writeback -c 1
    celery -A worker.app beat                                schedule and sweeper

With --without-mingle --without-gossip a worker is ready a second earlier: ours have nothing to tell each other.
A message only wakes somebody: it carries nothing, and may be lost, late or repeated (see `worker.jobs`).
"""

import sys

from celery import Celery, signals
from kombu.entity import Exchange, Queue

from worker.broker import check_broker
from worker.errors import ConfigurationError
from worker.logs import configure_logs
from worker.settings import Settings

_broker_url = Settings().broker_url

_exchange = Exchange("callfirst")  # type: ignore[no-untyped-call]
app = Celery("callfirst", broker=_broker_url, include=["worker.tasks"])
app.conf.update(
    task_queues=[Queue(name, _exchange, name) for name in ("pull", "gpu", "gpu_nightly", "writeback")],  # type: ignore[no-untyped-call]
    task_default_queue="pull",
    task_routes={
        "callfirst.read_changes": {"queue": "pull"},
        "callfirst.rank_leads": {"queue": "gpu"},
        "callfirst.rank_stale_leads": {"queue": "gpu_nightly"},
        "callfirst.write_priorities": {"queue": "writeback"},
    },
    # Nothing that Celery would keep is wanted: what was done stands in the database. With results on the same Redis
    # a worker that loses its connection can lose a task for good, and a dead Redis holds up whoever publishes.
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],  # pickled messages would run what anybody who reaches the broker writes
    task_acks_late=True,  # a worker that dies leaves its message in the queue
    task_retry_on_worker_lost=True,  # and so does one whose child was killed; but not for ever:
    task_annotations={"*": {"max_retries": 2, "default_retry_delay": 30}},
    worker_prefetch_multiplier=1,  # a long task must not hold others back
    worker_cancel_long_running_tasks_on_connection_loss=False,  # what runs commits under its lease, or not at all
    task_soft_time_limit=3 * 3600,  # a first pull of a large account takes hours; a turn of other work a minute
    task_time_limit=3 * 3600 + 60,
    worker_soft_shutdown_timeout=30,  # with REMAP_SIGTERM=SIGQUIT: half a minute to end, then back into the queue
    worker_enable_soft_shutdown_on_idle=True,
    worker_pool_start_method="spawn",  # a forked child cannot use a GPU that its parent has touched
    worker_proc_alive_timeout=120,  # a spawned child imports first, which on a busy machine takes longer than 4 s
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # an idle worker never gives up
    broker_transport_options={
        # Longer than any task, twice: nothing else keeps Redis from handing a running task to somebody else.
        "visibility_timeout": 7 * 3600,
        # What was not acknowledged is looked for every ten seconds, not every hundred.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # Without time limits a worker whose peer went silent waits for ever.
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        # A connection that has fallen silent is given up after twice this and a second.
        "health_check_interval": 4,
        "global_keyprefix": "callfirst:",
    }
    if _broker_url.startswith(("redis://", "rediss://"))
    else {"polling_interval": 0.05},
    beat_scheduler="worker.schedule:SweepingScheduler",
)


@signals.celeryd_init.connect  # type: ignore[untyped-decorator]  # Celery ships no annotations
@signals.beat_init.connect  # type: ignore[untyped-decorator]
def check_at_start(**_: object) -> None:
    """End a worker or beat that would be of no use with the broker it has; one line says why."""
    configure_logs()
    try:
        check_broker(Settings().broker_url)
    except ConfigurationError as error:
        sys.exit(f"callfirst: {error}")  # Celery would log any other exception and go on
