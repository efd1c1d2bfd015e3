"""The log: one JSON object a line, what it is about, and never a text of a lead."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from sqlalchemy.exc import OperationalError

from connectors.errors import UnavailableError
from worker.logs import about, configure_logs

CANARY = "Please call me about the merger"
logger = logging.getLogger("tests.logs")


class Terminal(io.StringIO):
    """Where a person watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the logging of the tests themselves as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook
    yield
    root.handlers, root.level, sys.excepthook, threading.excepthook = before
    logging.captureWarnings(False)


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    configure_logs(stream=stream)
    return stream


def records(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def fail(text: str = CANARY) -> None:
    local = text  # a log that shows what was at hand shows this
    raise ValueError(f"cannot read {local}")


def fail_because() -> None:
    try:
        fail()
    except ValueError as error:
        raise KeyError(CANARY) from error


def fail_meanwhile() -> None:
    try:
        fail()
    finally:
        raise KeyError(CANARY)


def fail_in_a_group() -> None:
    try:
        fail()
    except ValueError as error:
        raise ExceptionGroup(CANARY, [error]) from None


def fail_in_the_database() -> None:
    raise OperationalError(f"INSERT {CANARY}", {"text": CANARY}, Exception(CANARY))


def test_a_record_is_one_line_of_json(log: io.StringIO) -> None:
    logger.info("scored %d leads\nfrom %s", 3, "hubspot")
    [record] = records(log)

    assert record.pop("timestamp").endswith("Z")
    assert record == {"event": "scored 3 leads\nfrom hubspot", "level": "info", "logger": "tests.logs"}


def test_a_record_says_what_it_is_about(log: io.StringIO) -> None:
    with about(tenant="hubspot", job="rank", stage="new"):
        logger.info("ranked")
    with about(tenant="hubspot", job="read", stage=""):
        logger.info("read")
    logger.info("ended")
    found = [{name: record.get(name) for name in ("tenant", "job", "stage")} for record in records(log)]

    assert found == [
        {"tenant": "hubspot", "job": "rank", "stage": "new"},
        {"tenant": "hubspot", "job": "read", "stage": None},
        {"tenant": None, "job": None, "stage": None},
    ]


@pytest.mark.parametrize("failing", [fail, fail_because, fail_meanwhile, fail_in_a_group, fail_in_the_database])
def test_what_an_error_says_is_not_logged(log: io.StringIO, failing: Callable[[], None]) -> None:
    try:
        failing()
    except Exception:  # of any kind: what is looked at is what the log shows of it
        logger.exception("could not read")
    [record] = records(log)

    assert CANARY not in log.getvalue()
    assert f"in {failing.__name__}" in record["exception"]


def test_what_caused_an_error_is_named(log: io.StringIO) -> None:
    try:
        fail_because()
    except KeyError:
        logger.exception("could not read")
    lines = records(log)[0]["exception"].splitlines()

    assert [line for line in lines if not line.startswith("  ")] == ["KeyError", "because of", "ValueError"]


def test_an_error_that_is_put_into_the_message_says_nothing(log: io.StringIO) -> None:
    for record in (("failed: %s", ValueError(CANARY)), (ValueError(CANARY),), ("failed: %r", ValueError(CANARY))):
        logger.error(*record)

    assert [record["event"] for record in records(log)] == ["failed: ValueError", "ValueError", "failed: 'ValueError'"]


def test_our_own_errors_are_quoted(log: io.StringIO) -> None:
    try:
        raise UnavailableError("GET /leads: HTTP 503")
    except UnavailableError as error:
        logger.exception("failed: %s", error)
    [record] = records(log)

    assert record["event"] == "failed: GET /leads: HTTP 503"
    assert record["exception"].startswith("connectors.errors.UnavailableError: GET /leads: HTTP 503\n")


def test_celery_does_not_quote_the_error_of_a_task(log: io.StringIO) -> None:
    app = Celery("tests", set_as_current=False)
    task = app.task(fail, name="tests.fail")
    build_tracer(task.name, task, app=app)("an id", (), {}, {"id": "an id"})

    assert CANARY not in log.getvalue()
    assert records(log)[-1]["event"] == "Task tests.fail[an id] raised unexpected: ValueError"


def test_a_thread_that_ends_by_an_error_is_logged_without_its_message(log: io.StringIO) -> None:
    threading.excepthook(threading.ExceptHookArgs((ValueError, ValueError(CANARY), None, threading.current_thread())))
    sys.excepthook(ValueError, ValueError(CANARY), None)

    assert CANARY not in log.getvalue()
    assert [record["exception"] for record in records(log)] == ["ValueError"] * 2


def test_the_secret_part_of_an_address_is_not_logged(log: io.StringIO) -> None:
    access = logging.getLogger("uvicorn.access")
    access.warning('%s - "%s %s HTTP/%s" %d', "10.0.0.1:9", "POST", "/webhooks/salesforce/0123456789", "1.1", 200)

    assert records(log)[0]["event"] == '10.0.0.1:9 - "POST /webhooks/salesforce/… HTTP/1.1" 200'


def test_others_who_handle_a_record_get_it_as_it_is(log: io.StringIO, caplog: pytest.LogCaptureFixture) -> None:
    logger.warning("at %s", "/webhooks/salesforce/0123456789")

    assert caplog.messages == ["at /webhooks/salesforce/0123456789"]


def test_the_web_server_logs_in_the_same_form() -> None:
    server = logging.getLogger("uvicorn.error")
    server.addHandler(logging.StreamHandler(io.StringIO()))
    stream = io.StringIO()
    configure_logs(stream=stream)
    server.warning("Application startup complete.")

    assert server.handlers == []
    assert records(stream)[0]["logger"] == "uvicorn.error"


def test_configuring_twice_logs_once(log: io.StringIO) -> None:
    configure_logs(stream=log)
    logger.info("once")

    assert len(records(log)) == 1


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    configure_logs("WARNING", stream)
    logger.info("chatter")
    logger.warning("trouble")

    assert [record["event"] for record in records(stream)] == ["trouble"]


def test_a_person_reads_plain_lines_without_texts() -> None:
    terminal = Terminal()
    configure_logs(stream=terminal)
    try:
        fail()
    except ValueError:
        logger.exception("could not read")

    assert "could not read" in terminal.getvalue()
    assert "in fail" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert CANARY not in terminal.getvalue()
