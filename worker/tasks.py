"""The Celery tasks: each has somebody look for due work. They take no arguments and may be sent any number of times."""

import os
from collections.abc import Mapping
from functools import cache
from threading import Lock, Thread
from typing import Any

from celery import current_app, shared_task, signals

from worker import jobs
from worker.bell import CeleryBell
from worker.logs import configure_logs
from worker.office import Office, build_office
from worker.settings import Settings

_RANKS = "CALLFIRST_POOL_RANKS"
_building = Lock()


def office() -> Office:
    """Return what this process works with; its language model is opened at first use."""
    with _building:
        return _build_office()


@cache
def _build_office() -> Office:
    return build_office(Settings(), CeleryBell(current_app._get_current_object()))


def open_models_ahead() -> None:
    """Open the models in a thread of their own: what comes in meanwhile is read, and ranked after it."""
    ahead = office()
    Thread(target=ahead.rankers.open_ahead, args=(list(ahead.connectors),), name="models", daemon=True).start()


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no annotations
def set_up_logs(**_: object) -> None:
    """Log as we do in every process of Celery's: this module is what all of them import, a pool's children too."""
    configure_logs()


@signals.celeryd_init.connect  # type: ignore[untyped-decorator]
def tell_children(options: Mapping[str, Any], **_: object) -> None:
    """Have the pool's processes, which inherit nothing else, know whether their queues are a ranker's."""
    queues = options.get("queues")
    if not queues or {"gpu", "gpu_nightly"} & set(queues):
        os.environ[_RANKS] = "1"


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def prepare(**_: object) -> None:
    """Have a ranker open its models while the worker is still connecting, and after a death before there is work."""
    if os.environ.get(_RANKS):
        open_models_ahead()


@shared_task(name="callfirst.read_changes")  # type: ignore[untyped-decorator]  # Celery ships no annotations
def read_changes() -> None:
    """Read what CRMs told, and what a night or a poll asks for."""
    jobs.read(office())


@shared_task(name="callfirst.rank_leads")  # type: ignore[untyped-decorator]
def rank_leads() -> None:
    """Score the leads that changed, and put them in order."""
    jobs.rank(office())


@shared_task(name="callfirst.rank_stale_leads")  # type: ignore[untyped-decorator]
def rank_stale_leads() -> None:
    """Make old scores anew, when nothing else is to be ranked."""
    jobs.rank(office(), stale=True)


@shared_task(name="callfirst.write_priorities")  # type: ignore[untyped-decorator]
def write_priorities() -> None:
    """Tell CRMs what they do not show yet."""
    jobs.write(office())
