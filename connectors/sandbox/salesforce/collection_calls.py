"""Up to 200 records in one call, each with an outcome of its own.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from connectors.sandbox.salesforce.calls import Call, Refusal, Reply, not_found
from connectors.sandbox.salesforce.ids import find_id
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.record_calls import find_by_value, render_results
from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.soql import SoqlError
from connectors.sandbox.salesforce.values import render_row
from connectors.sandbox.salesforce.writing import Write, Writer

MOST_RECORDS = 200
_MOST_CHUNKS = 10
_MOST_READ = 2_000
# Not confirmed: the codes and wordings of a call that holds too many records, or changes their type too often.
_TOO_MANY = "EXCEEDED_MAX_SIZE_REQUEST"
_TOO_MIXED = "LIMIT_EXCEEDED"
# Recorded.
_ROLLED_BACK = "Record rolled back because not all records were valid and the request was using AllOrNone header"


class CollectionCalls:
    """The handlers of several records at once."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def create(self, call: Call) -> Reply:
        def check(writer: Writer, record: dict[str, Any]) -> Write:
            return writer.create(_type_of(record), record)

        return self._write(call, check)

    def update(self, call: Call) -> Reply:
        def check(writer: Writer, record: dict[str, Any]) -> Write:
            id_ = next((value for key, value in record.items() if key.lower() == "id"), None)
            if id_ is None:
                raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call")
            return writer.update(_type_of(record), id_, record)

        return self._write(call, check)

    def upsert(self, call: Call) -> Reply:
        """Change the records that a field's values name, and create those that there are not."""
        definition = self._definition(call)
        name = next((name for name in definition.fields if name.lower() == call.params["field"].lower()), None)
        if name is None:
            raise not_found()
        created: list[bool] = []

        def check(writer: Writer, record: dict[str, Any]) -> Write:
            value = record.get(name)
            found = find_by_value(self._org, definition, name, str(value)) if value not in (None, "") else []
            created.append(not found)
            if len(found) > 1:
                raise Refusal("DUPLICATE_EXTERNAL_ID", f"{name}: more than one record found for external id field")
            if found:
                return writer.update(definition.name, found[0]["Id"], record)
            return writer.create(definition.name, {key: item for key, item in record.items() if key.lower() != "id"})

        outcomes = self._write(call, check).body
        for outcome, new in zip(outcomes, created, strict=True):
            if outcome["success"]:
                outcome["created"] = new
        return Reply(outcomes)

    def delete(self, call: Call) -> Reply:
        ids = [id_ for id_ in call.query.get("ids", "").split(",") if id_]
        _check_count(ids)
        writer = self._writer(call)

        def check(id_: str) -> Write:
            found = find_id(id_)
            type_ = self._org.type_of(found) if found is not None else None
            if type_ is None:
                raise Refusal("MALFORMED_ID", f"malformed id {id_}")
            return writer.delete(type_, id_)

        all_or_none = call.query.get("allOrNone", "false").lower() == "true"
        return Reply(render_results(_write_each([_checked(check, id_) for id_ in ids], all_or_none=all_or_none)))

    def retrieve(self, call: Call) -> Reply:
        """Answer records by their ids, null for those that are not there."""
        if call.raw:
            body = call.read_object()
            ids, names = list(body.get("ids", [])), list(body.get("fields", []))
        else:
            ids, names = (call.query.get(key, "").split(",") for key in ("ids", "fields"))
        if len(ids) > _MOST_READ:
            raise Refusal(_TOO_MANY, f"record limit reached. cannot retrieve more than {_MOST_READ} records")
        definition = self._definition(call)
        known = {name.lower(): name for name in definition.fields}
        for name in names:
            if name.lower() not in known:
                message = f"No such column '{name}' on entity '{definition.name}'."
                raise Refusal("INVALID_FIELD", message)
        chosen = list(dict.fromkeys([*(known[name.lower()] for name in names), "Id"]))
        found = []
        for id_ in ids:
            row = next(iter(self._org.lookup(definition.name, "Id", [find_id(id_) or ""])), None)
            gone = row is None or row.get("IsDeleted")
            found.append(None if row is None or gone else render_row(definition, row, chosen, call.data))
        return Reply(found)

    def _write(self, call: Call, check: Callable[[Writer, dict[str, Any]], Write]) -> Reply:
        body = call.read_object()
        records = body.get("records") or []
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise Refusal("JSON_PARSER_ERROR", "records is required to be an array of objects")
        _check_count(records)
        chunks = [type_ for type_, _ in groupby(records, key=_type_of)]
        if len(chunks) > _MOST_CHUNKS:
            raise Refusal(_TOO_MIXED, f"more than {_MOST_CHUNKS} chunks of different types")
        writer = self._writer(call)
        checked = [_checked(lambda item: check(writer, item), record) for record in records]
        return Reply(render_results(_write_each(checked, all_or_none=bool(body.get("allOrNone")))))

    def _definition(self, call: Call) -> SObject:
        try:
            return self._org.describe(call.params["type"])
        except SoqlError:
            raise not_found() from None

    def _writer(self, call: Call) -> Writer:
        return Writer(self._org, auto_assign=call.auto_assign, saves_duplicates=call.saves_duplicates)


def _type_of(record: dict[str, Any]) -> str:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not attributes.get("type"):
        raise Refusal("INVALID_TYPE", "The type of a record is missing: attributes.type")
    return str(attributes["type"])


def _check_count(records: Sequence[object]) -> None:
    if not records:
        raise Refusal("REQUIRED_FIELD_MISSING", "At least 1 record is required")  # recorded
    if len(records) > MOST_RECORDS:
        raise Refusal(_TOO_MANY, f"record limit reached. cannot submit more than {MOST_RECORDS} records in this call")


def _checked(check: Callable[[Any], Write], item: Any) -> Write | Refusal:
    try:
        return check(item)
    except Refusal as refusal:
        return refusal


def _write_each(checked: Sequence[Write | Refusal], *, all_or_none: bool) -> list[str | Refusal]:
    """Do what was not refused; nothing if one was and all are wanted or none."""
    if all_or_none and any(isinstance(item, Refusal) for item in checked):
        return [
            item if isinstance(item, Refusal) else Refusal("ALL_OR_NONE_OPERATION_ROLLED_BACK", _ROLLED_BACK)
            for item in checked
        ]
    return [item if isinstance(item, Refusal) else item() for item in checked]
