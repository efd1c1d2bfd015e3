"""A data file is taken whole or refused with file, line and fault."""

import gzip
import json
from pathlib import Path

import pytest

from worker.datafile import load_rows
from worker.errors import DataFileError

GOOD = {"id": "1", "split": "train", "stage": "a", "as_of": 1_700_000_000, "fields": {}, "text": "x", "label": 1}


def write(folder: Path, *rows: object) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return file


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ({**GOOD, "id": None}, "'id'"),
        ({**GOOD, "id": "2", "split": "dev"}, "'split' is 'dev'"),
        ({**GOOD, "id": "2", "label": None}, "needs a 'label'"),
        ({**GOOD, "id": "2", "label": "yes"}, "'label' is 'yes'"),
        ({**GOOD, "id": "2", "label": float("nan")}, "'label' is nan"),
        ({**GOOD, "id": "2", "label": float("inf")}, "'label' is inf"),
        ({**GOOD, "id": "2", "label": -1}, "'label' is -1"),
        ({**GOOD, "id": "2", "as_of": "soon"}, "'as_of' is 'soon'"),
        ({**GOOD, "id": "2", "as_of": None, "order": "third"}, "'order' is 'third'"),
        ({**GOOD, "id": "2", "fields": []}, None),
        (GOOD, "already used in line 1"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, bad: object, message: str | None) -> None:
    file = write(tmp_path, GOOD, bad)
    if message is None:
        assert len(load_rows(file)) == 2  # an empty list of fields is an empty object to many writers
        return
    with pytest.raises(DataFileError, match=r"rows\.jsonl, line 2") as caught:
        load_rows(file)
    assert message in str(caught.value)


def test_leaky_fields_never_get_in(tmp_path: Path) -> None:
    nested = {"a": {"b": 1, "leaky": 2}, "Leaky": {"c": 3}, "list": [1]}
    [row] = load_rows(write(tmp_path, {**GOOD, "leaky": {"d": 4}, "fields": nested}))

    assert row.fields == {"a b": 1.0, "list": "[1]"}


def test_what_is_no_number_is_missing(tmp_path: Path) -> None:
    fields = {"nan": float("nan"), "endless": float("-inf"), "too long": 10**400, "yes": True}
    [row] = load_rows(write(tmp_path, {**GOOD, "fields": fields}))

    assert row.fields == {"nan": None, "endless": None, "too long": None, "yes": True}


def test_gzip_is_read_and_rows_of_one_user_stay_together(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps({**GOOD, "user": "u"}).encode()))

    assert load_rows(file)[0].group == "u"


def test_an_absent_or_broken_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.gz").write_bytes(b"no gzip")
    for name in ("absent.jsonl", "broken.gz"):
        with pytest.raises(DataFileError, match=name):
            load_rows(tmp_path / name)


def test_a_small_number_is_a_place_in_time_and_no_moment(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, {**GOOD, "as_of": 7, "text": ""}, {**GOOD, "id": "2", "text": ""}))

    assert [(row.order, row.as_of is None, len(row.to_candidate().fields)) for row in rows] == [
        (7.0, True, 0),
        (1_700_000_000.0, False, 2),  # hour and weekday
    ]


def test_snapshots_of_one_lead_are_one_lead(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, {**GOOD, "lead": "a"}, {**GOOD, "id": "2", "lead": "a"}, {**GOOD, "id": "3"}))

    assert [(row.to_candidate().id, row.group) for row in rows] == [("a", "a"), ("a", "a"), ("3", "3")]


def test_half_a_character_is_replaced_and_a_mark_of_byte_order_is_no_text(tmp_path: Path) -> None:
    file = write(tmp_path, {**GOOD, "text": "cut \ud83d", "stage": "\ud83d", "fields": {"a": "\ud83d"}, "as_of": ""})
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    row = load_rows(file)[0]

    assert (row.text, row.stage, row.fields, row.as_of) == ("cut ?", "?", {"a": "?"}, None)
