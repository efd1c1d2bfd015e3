"""The log of every process: one JSON object a line, or plain lines where a person watches.

No text of a lead gets into it. What an error says is only shown if the error is one of ours, whose messages name calls
and settings; of any other it is the type, and where it happened.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TextIO

from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer, TimeStamper
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor, WrappedLogger

from connectors.errors import ConnectorError
from ranking.errors import RankingError
from worker.errors import WorkerError

logger = logging.getLogger(__name__)

# Where Salesforce's messages come in; what follows is a secret.
SALESFORCE_PATH = "/webhooks/salesforce/"

_OURS = (ConnectorError, RankingError, WorkerError)
_HANDLER = "callfirst"
_MAX_FRAMES = 30
# What these say for each message and each start is nothing beside what our jobs say that they have done.
_QUIET = ("alembic", "celery.app.trace", "celery.worker.strategy")


def configure_logs(level: int | str = "INFO", stream: TextIO | None = None) -> None:
    """Have everything that this process logs go to `stream`, which is stderr, in one form; may be called again."""
    stream = sys.stderr if stream is None else stream
    render: Processor = ConsoleRenderer() if stream.isatty() else JSONRenderer(ensure_ascii=False)
    handler = logging.StreamHandler(stream)
    handler.set_name(_HANDLER)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=[
                merge_contextvars,
                add_log_level,
                add_logger_name,
                TimeStamper(fmt="iso", utc=True),
                _show_error,
            ],
            processors=[ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    for known in [known for known in root.handlers if known.get_name() == _HANDLER]:
        root.removeHandler(known)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # which log by themselves unless they are kept from it
        theirs = logging.getLogger(name)
        theirs.handlers, theirs.propagate = [], True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def about(**context: str) -> AbstractContextManager[None]:
    """Name in every record of a block what it is about: `tenant`, `job`, `stage`. What is empty is left out."""
    return bound_contextvars(**{name: value for name, value in context.items() if value})


class _Formatter(ProcessorFormatter):
    """Takes out of a record, before its message is put together, what must not be in it."""

    def format(self, record: logging.LogRecord) -> str:
        clean = logging.makeLogRecord(record.__dict__)  # others may handle the same record
        clean.msg = _cleaned(record.msg)
        if isinstance(record.args, tuple):
            clean.args = tuple(_cleaned(item) for item in record.args)
        elif isinstance(record.args, Mapping) and record.name.startswith("celery."):
            # Celery says of a task that failed what its error said.
            clean.args = {**record.args, "exc": _type_of(record), "traceback": ""}
        return super().format(clean)


def _cleaned(item: Any) -> Any:
    if isinstance(item, BaseException) and not isinstance(item, _OURS):
        return _name(type(item))
    if isinstance(item, str) and item.startswith(SALESFORCE_PATH):
        return SALESFORCE_PATH + "…"
    return item


def _type_of(record: logging.LogRecord) -> str:
    kind = record.exc_info[0] if record.exc_info else None
    return "an error" if kind is None else _name(kind)


def _show_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Say of an error its type, where it happened, and the same of what caused it."""
    _, error, _ = event.pop("exc_info", None) or (None, None, None)
    if error is not None:
        event["exception"] = "\n".join(_render_error(error, set()))
    return event


def _render_error(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    yield f"{_name(type(error))}: {error}" if isinstance(error, _OURS) else _name(type(error))
    frames = [
        f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    yield from frames[-_MAX_FRAMES:]
    within = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for other in (*within, *([before] if before is not None else [])):
        if id(other) not in seen:
            yield "because of" if other is before else "with"
            yield from _render_error(other, seen)


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logger.critical("ended by an error", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = "?" if args.thread is None else args.thread.name
        logger.error("the thread %s ended by an error", name, exc_info=args.exc_value)
