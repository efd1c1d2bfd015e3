"""The Celery application: the nightly sync as a task on the `gpu` queue, rung by beat.

`celery -A worker.app worker -Q gpu` and `celery -A worker.app beat` work as users of Celery expect. The task carries
no arguments and no text; what it does is safe to repeat, so a message that comes twice costs only time.
"""

from celery import Celery, shared_task
from celery.schedules import crontab

from worker.regimes import Teacher
from worker.settings import Settings
from worker.sync import sync
from worker.wiring import build_connectors, build_reader, build_store

app = Celery("callfirst", broker=Settings().broker_url)
app.conf.update(
    task_default_queue="gpu",
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,  # the database is where results are
    task_acks_late=True,  # a worker that dies leaves its message in the queue
    worker_prefetch_multiplier=1,  # a long task must not hold others back
    worker_pool_start_method="spawn",  # a forked child cannot use a GPU that its parent has touched
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # an idle worker never gives up
    # A task must end well before Redis hands its message to another worker; sockets must notice a dead peer.
    broker_transport_options={
        "visibility_timeout": 6 * 3600,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "global_keyprefix": "callfirst:",
    },
    task_time_limit=2 * 3600,
    beat_schedule={"nightly": {"task": "callfirst.sync_all", "schedule": crontab(hour=2, minute=0)}},
)


@shared_task(name="callfirst.sync_all", queue="gpu")  # type: ignore[untyped-decorator]  # Celery ships no annotations
def sync_all() -> None:
    """Pull, rank and write back every configured CRM."""
    settings = Settings()
    store = build_store(settings)
    reader = build_reader(settings.ranking, settings.cache_dir)
    teacher = Teacher(settings.ranking, settings.cache_dir)
    for connector in build_connectors(settings):
        sync(store, connector, reader, settings.bands, teacher)
