"""The Celery tasks: each has somebody look for due work. They take no arguments and may be sent any number of times."""

from functools import cache

from celery import current_app, shared_task, signals

from worker import jobs
from worker.bell import CeleryBell
from worker.logs import configure_logs
from worker.office import Office, build_office
from worker.settings import Settings


@cache
def office() -> Office:
    """Return what this process works with; its language model is opened at first use."""
    return build_office(Settings(), CeleryBell(current_app._get_current_object()))


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no annotations
def set_up_logs(**_: object) -> None:
    """Log as we do in every process of Celery's: this module is what all of them import, a pool's children too."""
    configure_logs()


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
