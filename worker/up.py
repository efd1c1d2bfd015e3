"""Everything in one process: web, worker, schedule and sweeper, for a small team. Nothing else is needed."""

import logging
from collections.abc import Callable
from threading import Event, Thread

import uvicorn
from celery import signals
from sqlalchemy.exc import SQLAlchemyError

from worker import tasks
from worker.app import app as celery
from worker.app import check_at_start
from worker.bell import CeleryBell
from worker.errors import WorkerError
from worker.settings import Settings
from worker.sweeper import sweep
from worker.web import create_app
from worker.wiring import list_tenants

logger = logging.getLogger(__name__)

# One thread for each of the three jobs and one for old scores; the language model is lent to one of them at a time.
_THREADS = 4


def up(settings: Settings, host: str, port: int, started: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT; then end what is at a good place and give the rest back.

    Raises:
        ConfigurationError: No CRM is configured.
        WorkerError: The web server cannot listen.
    """
    office = tasks.office()
    server = uvicorn.Server(uvicorn.Config(create_app(CeleryBell(celery)), host, port, log_config=None, lifespan="on"))
    web = Thread(target=server.run, name="web", daemon=True)
    web.start()
    while web.is_alive() and not server.started:
        web.join(0.05)
    if not web.is_alive():
        raise WorkerError(f"cannot listen on {host}:{port}: is it in use?")
    tasks.open_models_ahead()
    sweeping = Thread(target=_keep_sweeping, args=(settings, office.stopping), name="sweeper", daemon=True)
    sweeping.start()
    started()
    signals.celeryd_init.disconnect(check_at_start)  # nobody else has to hear this broker

    def stop(**_: object) -> None:
        office.stopping.set()

    # At the first signal: a long pull is given back after the page that it is at, and not waited for to its end.
    signals.worker_shutting_down.connect(stop)
    worker = celery.Worker(
        pool="threads", concurrency=_THREADS, hostname="callfirst@localhost", without_gossip=True, without_mingle=True
    )
    try:
        worker.start()  # until a signal ends it
    finally:
        office.stopping.set()
        server.should_exit = True
        web.join(10)
        sweeping.join(10)


def _keep_sweeping(settings: Settings, stopping: Event) -> None:
    office, tenants = tasks.office(), list_tenants(settings)
    while not stopping.is_set():
        try:
            sweep(office.store, office.bell, tenants, settings.worker)
        except SQLAlchemyError as error:
            logger.error("could not sweep: %s", type(error).__name__)
        stopping.wait(settings.worker.sweep_seconds)
