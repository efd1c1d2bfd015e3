"""The calls that read and write one type's records."""

from collections.abc import Sequence
from typing import Any

from connectors.sandbox.hubspot.calls import (
    MAX_BATCH,
    Call,
    Refusal,
    Reply,
    checked_list,
    checked_names,
    checked_object,
    checked_properties,
    checked_text,
    refuse_values,
)
from connectors.sandbox.hubspot.faults import HubSpotFaults
from connectors.sandbox.hubspot.object_types import OBJECT_TYPES, ObjectType, types_tied_by
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import Record
from connectors.sandbox.hubspot.rendering import Rendering, batch_body, not_found

SOURCE = "INTEGRATION"  # recorded: what the API's writes name as their source
_MAX_HISTORY_ROWS = 50
_WRITE_KEYS = {"properties", "associations", "objectWriteTraceId"}
_Ties = list[tuple[ObjectType, str, int]]


class ObjectCalls:
    """Lists, reads and writes. They run on one event loop, so the tables need no lock."""

    def __init__(self, objects: HubSpotObjects, faults: HubSpotFaults) -> None:
        self._objects = objects
        self._faults = faults

    def list(self, call: Call) -> Reply:
        type_ = call.type.plural
        history = call.names("propertiesWithHistory")
        limit, after = call.number("limit", 10), call.number("after", 0)
        most = _MAX_HISTORY_ROWS if history else MAX_BATCH
        if not 1 <= limit <= most:
            raise Refusal(400, f"limit must be between 1 and {most}", "VALIDATION_ERROR")
        if call.flag("archived"):
            ids = sorted(int(id_) for id_ in self._objects.archived[type_])
            rows = [self._objects.archived[type_][str(id_)] for id_ in ids if id_ > after][: limit + 1]
        else:
            rows = self._objects.page(type_, after, limit + 1)
        # A page may begin with the row that the last one ended with.
        again = self._objects.records[type_].get(str(after)) if self._faults.duplicate_rows and limit > 1 else None
        shown = self._faults.shown_rows(min(limit - (again is not None), len(rows)))
        repeated = [again] if again is not None and shown else []
        rendering = self._rendering(call, call.names("properties"), history)
        body: dict[str, Any] = {"results": [rendering.row(row) for row in [*repeated, *rows[:shown]]]}
        if len(rows) > shown:
            # An empty page leads on all the same: ids have room between them for a cursor that no row has.
            last = rows[shown - 1].id if shown else str(after + 1)
            link = f"https://api.hubapi.com/crm/v3/objects/{type_}?limit={limit}&after={last}"
            body["paging"] = {"next": {"after": last, "link": link}}
        return Reply(body)

    def get(self, call: Call) -> Reply:
        if call.flag("archived"):
            found = self._objects.archived[call.type.plural].get(call.params["id"])
        else:
            found = self._find(call.type, call.params["id"], call.query.get("idProperty"))
        if found is None:
            raise Refusal(404, "resource not found", "OBJECT_NOT_FOUND")
        rendering = self._rendering(call, call.names("properties"), call.names("propertiesWithHistory"))
        return Reply(rendering.row(found))

    def create(self, call: Call) -> Reply:
        body = call.read(_WRITE_KEYS)
        properties, ties = self._read_new(call, body)
        existing = self._find_existing(call.type, properties)
        if existing is not None:
            raise Refusal(409, f"Contact already exists. Existing ID: {existing}", "CONFLICT")
        record = self._create(call.type, properties, ties)
        return Reply(self._rendering(call, []).written(record, properties), 201)

    def update(self, call: Call) -> Reply:
        properties = checked_properties(call.read({"properties", "objectWriteTraceId"}).get("properties"))
        record = self._find(call.type, call.params["id"], call.query.get("idProperty"))
        if record is None:
            raise Refusal(404, "resource not found", "OBJECT_NOT_FOUND")
        self._check(call, [(properties, record)])
        self._objects.update(call.type.plural, record, properties, source=SOURCE)
        return Reply(self._rendering(call, []).written(record, properties))

    def archive(self, call: Call) -> Reply:
        if not self._objects.archive(call.type.plural, call.params["id"], source=SOURCE):
            raise Refusal(404, "resource not found", "OBJECT_NOT_FOUND")
        return Reply(None, 204)

    def merge(self, call: Call) -> Reply:
        body = call.read({"primaryObjectId", "objectIdToMerge"})
        ids = [checked_text(body.get(key, "")) for key in ("primaryObjectId", "objectIdToMerge")]
        winner, loser = (self._objects.find(call.type.plural, id_) for id_ in ids)
        if winner is None or loser is None:
            raise Refusal(404, "resource not found", "OBJECT_NOT_FOUND")
        if winner is loser:
            raise Refusal(400, f"Cannot merge object {winner.id} with itself", "VALIDATION_ERROR")
        self._objects.merge(call.type.plural, winner, loser, source=SOURCE)
        return Reply(self._rendering(call, []).written(winner, ()))

    def erase(self, call: Call) -> Reply:
        if call.type.plural != "contacts":
            raise Refusal(404, "resource not found")
        body = call.read({"objectId", "idProperty"})
        id_ = checked_text(body.get("objectId", ""))
        record = self._find(call.type, id_, body.get("idProperty"))
        self._objects.erase(call.type.plural, record.id if record is not None else id_, source=SOURCE)
        return Reply(None, 204)

    def batch_read(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        batch = call.read_inputs({"id"}, {"properties", "propertiesWithHistory", "idProperty"})
        names, history = (checked_names(batch.body.get(key)) for key in ("properties", "propertiesWithHistory"))
        ids = [_id(item) for item in batch.items]
        found: dict[str, Record] = {}
        missing = []
        for id_ in dict.fromkeys(ids):
            if call.flag("archived"):
                record = self._objects.archived[call.type.plural].get(id_)
            else:
                record = self._find(call.type, id_, batch.body.get("idProperty"))
            if record is None:
                missing.append(id_)
            else:
                found[record.id] = record
        rendering = self._rendering(call, names, history)
        # Recorded: not in the order in which they were asked for.
        rows = [rendering.row(record) for _, record in sorted(found.items(), key=_by_id, reverse=True)]
        return self._batch(call, started_at, rows, missing)

    def batch_update(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        batch = call.read_inputs({"id", "properties", "idProperty", "objectWriteTraceId"})
        ids = [_id(item) for item in batch.items]
        twice = [id_ for id_ in dict.fromkeys(ids) if ids.count(id_) > 1]
        if twice:
            message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
            raise Refusal(400, message, "VALIDATION_ERROR", context={"ids": twice})
        wanted = [
            (checked_properties(item.get("properties")), self._find(call.type, id_, item.get("idProperty")))
            for id_, item in zip(ids, batch.items, strict=True)
        ]
        self._check(call, wanted)
        written: dict[str, dict[str, Any]] = {}
        rendering = self._rendering(call, [])
        for properties, record in wanted:
            if record is not None:
                self._objects.update(call.type.plural, record, properties, source=SOURCE)
                written[record.id] = rendering.written(record, properties)
        missing = [id_ for id_, (_, record) in zip(ids, wanted, strict=True) if record is None]
        return self._batch(call, started_at, [row for _, row in sorted(written.items(), key=_by_id)], missing)

    def batch_create(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        batch = call.read_inputs(_WRITE_KEYS)
        wanted = [self._read_new(call, item) for item in batch.items]
        made, errors = [], []
        emails: set[str] = set()
        for item, (properties, ties) in zip(batch.items, wanted, strict=True):
            email = (properties.get("email") or "").lower()
            existing = self._find_existing(call.type, properties)
            if existing is None and not (call.type.plural == "contacts" and email in emails):
                made.append((properties, ties))
                emails |= {email} if email else set()
            elif "objectWriteTraceId" not in item:
                # Recorded: without trace ids one conflict refuses the whole batch.
                raise Refusal(409, "Contact already exists", "CONFLICT")
            else:
                errors.append(_conflict(checked_text(item["objectWriteTraceId"]), existing))
        rendering = self._rendering(call, [])
        rows = [rendering.written(self._create(call.type, properties, ties), properties) for properties, ties in made]
        return Reply(batch_body(self._objects, started_at, rows[::-1], errors), 207 if errors else 201)

    def batch_archive(self, call: Call) -> Reply:
        for item in call.read_inputs({"id"}).items:
            self._objects.archive(call.type.plural, _id(item), source=SOURCE)
        return Reply(None, 204)

    def _rendering(self, call: Call, names: Sequence[str], history: Sequence[str] = ()) -> Rendering:
        others = [call.find_type(name) for name in call.names("associations")]
        late = self._faults.late_association_seconds
        return Rendering(self._objects, call.type, names, history, others, scopes=call.scopes, late_seconds=late)

    def _find(self, type_: ObjectType, id_: str, id_property: str | None) -> Record | None:
        if not id_property or id_property == "hs_object_id":
            return self._objects.find(type_.plural, id_)
        definition = self._objects.properties[type_.plural].get(id_property)
        if (type_.plural, id_property) != ("contacts", "email") and (definition is None or not definition.unique):
            raise Refusal(400, f"{id_property} is not a unique property of {type_.singular}", "VALIDATION_ERROR")
        return self._objects.find_by(type_.plural, id_property, id_)

    def _find_existing(self, type_: ObjectType, properties: dict[str, str | None]) -> str | None:
        email = properties.get("email")
        if type_.plural != "contacts" or not email:
            return None
        record = self._objects.find_by("contacts", "email", email)
        return record.id if record is not None else None

    def _read_new(self, call: Call, body: dict[str, Any]) -> tuple[dict[str, str | None], _Ties]:
        """Return what a new record is to hold and to be tied to."""
        properties = checked_properties(body.get("properties") or {})
        self._check(call, [(properties, None)])
        ties: _Ties = []
        for item in checked_list(body.get("associations") or []):
            association = checked_object(item, {"to", "types"})
            id_ = checked_text(checked_object(association.get("to"), {"id"}).get("id", ""))
            for kind in checked_list(association.get("types") or []):
                type_id = checked_object(kind, {"associationCategory", "associationTypeId"}).get("associationTypeId")
                other = types_tied_by(call.type.plural, type_id)
                if other is None or id_ not in self._objects.records[other]:
                    raise Refusal(400, "One or more associations are not valid", "VALIDATION_ERROR")
                ties.append((OBJECT_TYPES[other], id_, int(str(type_id))))
        if call.type.plural == "leads" and not any(other.plural in ("contacts", "companies") for other, _, _ in ties):
            raise Refusal(400, "A lead must be associated with a contact or a company", "VALIDATION_ERROR")
        return properties, ties

    def _create(self, type_: ObjectType, properties: dict[str, str | None], ties: _Ties) -> Record:
        record = self._objects.create(type_.plural, properties, source=SOURCE)
        for other, id_, type_id in ties:
            self._objects.associate(type_.plural, record.id, other.plural, id_, type_id, source=SOURCE)
            if other.plural == "contacts":
                # Recorded: a note that is created on a contact moves the contact's date.
                self._objects.touch("contacts", self._objects.records["contacts"][id_])
        return record

    def _check(self, call: Call, writes: Sequence[tuple[dict[str, str | None], Record | None]]) -> None:
        """Refuse a whole write for any fault in it, without saying which record has it."""
        type_ = call.type.plural
        faults = [fault for properties, _ in writes for fault in self._objects.find_faults(type_, properties)]
        if faults:
            refuse_values(faults)
        for properties, record in writes:
            owner = self._find_existing(call.type, properties)
            if record is not None and owner is not None and owner != record.id:
                raise Refusal(409, f"Contact already exists. Existing ID: {owner}", "CONFLICT")
        if not call.enforces_required:
            return
        lacking = sorted(
            {name for properties, record in writes for name in self._objects.find_missing(type_, properties, record)}
        )
        if lacking:
            message = f"Some required properties were not set: {', '.join(lacking)}"
            raise Refusal(400, message, "VALIDATION_ERROR", context={"properties": lacking})

    def _batch(self, call: Call, started_at: Any, rows: Sequence[dict[str, Any]], missing: Sequence[str]) -> Reply:
        errors = [not_found(call.type, missing)] if missing else []
        return Reply(batch_body(self._objects, started_at, rows, errors), 207 if errors else 200)


def _id(item: dict[str, Any]) -> str:
    return checked_text(item.get("id"))


def _by_id(item: tuple[str, Any]) -> int:
    return int(item[0])


def _conflict(trace: str, existing: str | None) -> dict[str, Any]:
    context = {"objectWriteTraceId": [trace]} | ({"existingId": [existing]} if existing else {})
    return {
        "status": "error",
        "category": "CONFLICT",
        "message": "Contact already exists" + (f". Existing ID: {existing}" if existing else ""),
        "context": context,
    }
