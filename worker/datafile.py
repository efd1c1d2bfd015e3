"""Reads a JSON-lines file of leads, as `backtest --data` and `sandbox --seed-from` take it.

One row a line: `id`, `split` (train or test), `stage`, `as_of` (number, date or null), `fields` (may be nested),
`text`, `label` (0, 1 or graded; null in a test row). Other keys are ignored. A key named `leaky`, at any depth, is
dropped before anything else sees it.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.sandbox.seeding import SeedRow
from ranking.candidate import Candidate, Example, FieldValue, Passage
from worker.errors import DataFileError

_SPLITS = ("train", "test")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DataRow:
    """One lead of a data file. `order` places it in time: its `as_of`, or else its line."""

    id: str
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
        return Candidate(self.id, self.stage, moment, self.fields, passages)

    def to_example(self, highest: float = 1.0) -> Example:
        """Return a train row as something to learn from.

        `highest` is the file's highest label, which stands for a sale; a grade of at least half of it counts as won.
        """
        level = (self.label or 0.0) / highest
        return Example(self.to_candidate(), level, level >= 0.5, self.group, self.order)

    def to_seed(self) -> SeedRow:
        """Return the row as a lead for a sandbox CRM: train rows are finished, test rows open."""
        won = bool(self.label) if self.split == "train" else None
        return SeedRow(self.id, self.stage, won, self.text, self.fields)


def list_train_examples(rows: Sequence[DataRow]) -> list[Example]:
    """Return the train rows as something to learn from; the highest label among them stands for a sale."""
    train = [row for row in rows if row.split == "train"]
    highest = max((row.label or 0.0 for row in train), default=1.0) or 1.0
    return [row.to_example(highest) for row in train]


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
    with opener(file, "rt", encoding="utf-8") as stream:
        yield from stream


def _parse_row(line: str, where: str, number: int) -> DataRow:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataFileError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataFileError(f"{where}: must be a JSON object")
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
    fields, text = row.get("fields") or {}, row.get("text") or ""
    if not isinstance(fields, dict) or not isinstance(text, str):
        raise DataFileError(f"{where}: 'fields' must be an object and 'text' a text")
    as_of = _parse_as_of(row.get("as_of"), where)
    id_ = str(row["id"])
    return DataRow(
        id=id_,
        split=row["split"],
        stage=str(row["stage"]),
        as_of=as_of,
        order=as_of.timestamp() if as_of else float(row.get("order") or number),
        fields=_flatten(fields),
        text=text,
        label=None if label is None else float(label),
        group=str(row.get("lead") or row.get("user") or id_),
    )


def _parse_as_of(value: Any, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, tz=UTC)
        parsed = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise DataFileError(f"{where}: 'as_of' is {value!r}; it must be seconds since 1970, a date or null") from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


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
            flat[prefix + name] = float(value) if value == value else None  # NaN is a missing value
        else:
            flat[prefix + name] = json.dumps(value, sort_keys=True)
    return flat
