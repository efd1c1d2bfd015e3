"""Reads a JSON-lines file of leads, as `backtest --data` and `sandbox --seed-from` take it.

One row a line: `id`, `split` (train or test), `stage`, `as_of` (seconds since 1970, a date, a place in a sequence, or
null), `fields` (may be nested), `text`, `label` (0, 1 or graded; null in a test row), and if need be `order` (a place
in a sequence, where there is no `as_of`) and `lead` or `user`, whose rows belong together. Other keys are ignored. A
key named `leaky`, at any depth, is dropped before anything else sees it.
"""

import gzip
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.sandbox.seeding import SeedRow
from ranking.candidate import Candidate, FieldValue, Passage
from worker.errors import DataFileError

_SPLITS = ("train", "test")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A smaller number (before 1973) is taken for a place in a sequence: its "hour" would only be how late the row is.
_EARLIEST_SECONDS = 100_000_000


@dataclass(frozen=True, slots=True)
class DataRow:
    """One snapshot of a lead in a data file.

    `order` places it in time: its `as_of`, or else its line. Rows of one `lead` count as one; those of one `group`, a
    lead's or a user's, stay on one side of a split.
    """

    id: str
    lead: str
    split: str
    stage: str
    as_of: datetime | None
    order: float
    fields: dict[str, FieldValue]
    text: str
    label: float | None
    group: str

    def to_candidate(self) -> Candidate:
        """Return the row as the ranker sees it."""
        moment = self.as_of or _EPOCH
        passages = (Passage(f"row:{self.id}", "note", moment, self.text),) if self.text.strip() else ()
        fields = self.fields
        if self.as_of is not None and not passages:  # a text's own time is looked at anyway
            fields = {"hour of the row": float(moment.hour), "weekday of the row": float(moment.weekday()), **fields}
        return Candidate(self.lead, self.stage, moment, fields, passages)

    def to_seed(self) -> SeedRow:
        """Return the row as a lead for a sandbox CRM: train rows are finished, test rows open."""
        won = bool(self.label) if self.split == "train" else None
        return SeedRow(self.id, self.stage, won, self.text, self.fields)


def load_rows(file: Path) -> list[DataRow]:
    """Return every row of the file, or none: a file with a bad row is refused whole.

    Raises:
        DataFileError: The file cannot be read, or a row is malformed; the message says file, line and what is wrong.
    """
    rows: list[DataRow] = []
    seen: dict[str, int] = {}
    try:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            row = _parse_row(line, f"{file}, line {number}", number)
            if row.id in seen:
                raise DataFileError(f"{file}, line {number}: id {row.id!r} is already used in line {seen[row.id]}")
            seen[row.id] = number
            rows.append(row)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataFileError(f"{file}: cannot be read: {error}") from error
    if not rows:
        raise DataFileError(f"{file}: holds no rows")
    return rows


def _lines(file: Path) -> Iterator[str]:
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", encoding="utf-8-sig") as stream:
        yield from stream


def _parse_row(line: str, where: str, number: int) -> DataRow:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataFileError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataFileError(f"{where}: must be a JSON object")
    if "\\u" in line:  # half of a character that was cut in two is no text to anything that writes or reads
        row = json.loads(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
    for key in ("id", "split", "stage"):
        if not isinstance(row.get(key), str | int) or row[key] == "":
            raise DataFileError(f"{where}: {key!r} is missing or no text")
    if row["split"] not in _SPLITS:
        raise DataFileError(f"{where}: 'split' is {row['split']!r}; it must be 'train' or 'test'")
    label = row.get("label")
    if label is None and row["split"] == "train":
        raise DataFileError(f"{where}: a train row needs a 'label'")
    if label is not None and (isinstance(label, str) or not isinstance(label, int | float)):
        raise DataFileError(f"{where}: 'label' is {label!r}; it must be a number or null")
    if label is not None and (_to_finite(label) is None or label < 0):  # JSON as Python reads it knows NaN and Infinity
        raise DataFileError(f"{where}: 'label' is {label!r}; it must be 0 (lost) or above")
    fields, text = row.get("fields") or {}, row.get("text") or ""
    if not isinstance(fields, dict) or not isinstance(text, str):
        raise DataFileError(f"{where}: 'fields' must be an object and 'text' a text")
    as_of, order = _parse_as_of(row.get("as_of"), where)
    if order is None and (place := row.get("order")) is not None:
        order = _to_finite(place) if isinstance(place, int | float) else None
        if order is None:
            raise DataFileError(f"{where}: 'order' is {place!r}; it must be a number or null")
    id_ = str(row["id"])
    return DataRow(
        id=id_,
        lead=str(row.get("lead") or id_),
        split=row["split"],
        stage=str(row["stage"]),
        as_of=as_of,
        order=float(number) if order is None else order,
        fields=_flatten(fields),
        text=text,
        label=None if label is None else float(label),
        group=str(row.get("lead") or row.get("user") or id_),
    )


def _parse_as_of(value: Any, where: str) -> tuple[datetime | None, float | None]:
    """Return a moment, if the value is one, and a place in time; a small number is the latter only."""
    if value is None or value == "":
        return None, None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, tz=UTC)
            return (moment if value >= _EARLIEST_SECONDS else None), float(value)
        parsed = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise DataFileError(f"{where}: 'as_of' is {value!r}; it must be seconds since 1970, a date or null") from error
    moment = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
    return moment, moment.timestamp()


def _flatten(fields: Mapping[str, Any], prefix: str = "") -> dict[str, FieldValue]:
    """Return nested fields under joined names, without anything named `leaky`."""
    flat: dict[str, FieldValue] = {}
    for name, value in fields.items():
        if name.lower() == "leaky":
            continue
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name} ")
        elif isinstance(value, bool) or value is None or isinstance(value, str):
            flat[prefix + name] = value
        elif isinstance(value, int | float):
            flat[prefix + name] = _to_finite(value)
        else:
            flat[prefix + name] = json.dumps(value, sort_keys=True)
    return flat


def _to_finite(value: float) -> float | None:
    """Return a number that can be computed with; NaN, infinity and an integer of 400 digits are missing values."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
