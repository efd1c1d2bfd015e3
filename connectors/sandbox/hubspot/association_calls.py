"""The calls that read and change which records are tied to which (the v4 associations API)."""

from typing import Any

from connectors.sandbox.hubspot.associations import render_association_types
from connectors.sandbox.hubspot.calls import Call, Refusal, Reply, checked_list, checked_object, checked_text
from connectors.sandbox.hubspot.faults import HubSpotFaults
from connectors.sandbox.hubspot.object_types import ObjectType, default_type_id, types_tied_by
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.rendering import batch_body

_PAGE = 500
_SOURCE = "INTEGRATION"
_TYPE_KEYS = {"associationCategory", "associationTypeId"}


class AssociationCalls:
    """Associations of single records and of batches."""

    def __init__(self, objects: HubSpotObjects, faults: HubSpotFaults) -> None:
        self._objects = objects
        self._faults = faults

    def batch_read(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        results, errors = [], []
        for item in call.read_inputs({"id", "after"}).items:
            id_ = checked_text(item.get("id"))
            found = self._read(call, id_, checked_text(item.get("after", "0")), _PAGE)
            if found["results"]:
                paging = {"paging": found["paging"]} if "paging" in found else {}
                results.append({"from": {"id": id_}, "to": found["results"], **paging})
            else:
                errors.append(_no_associations(call.type, id_, call.other))
        return Reply(batch_body(self._objects, started_at, results, errors), 207 if errors else 200)

    def list(self, call: Call) -> Reply:
        self._need(call.type, call.params["id"])
        limit = call.number("limit", _PAGE)
        if not 1 <= limit <= _PAGE:
            raise Refusal(400, f"limit must be between 1 and {_PAGE}", "VALIDATION_ERROR")
        return Reply(self._read(call, call.params["id"], str(call.number("after", 0)), limit))

    def add(self, call: Call) -> Reply:
        id_, other_id = call.params["id"], call.params["otherId"]
        wanted = [checked_object(item, _TYPE_KEYS) for item in call.read_array()]
        type_ids = [item.get("associationTypeId") for item in wanted]
        if not type_ids or any(types_tied_by(call.type.plural, item) != call.other.plural for item in type_ids):
            raise Refusal(400, "One or more association types are not valid", "VALIDATION_ERROR")
        self._need(call.type, id_)
        self._need(call.other, other_id)
        for type_id in type_ids:
            self._associate(call, id_, other_id, type_id)
        return Reply(_created(call, id_, other_id), 201)

    def add_default(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        id_, other_id = call.params["id"], call.params["otherId"]
        self._need(call.type, id_)
        self._need(call.other, other_id)
        results = [self._add_default(call, id_, other_id)]
        return Reply(batch_body(self._objects, started_at, results))

    def remove(self, call: Call) -> Reply:
        self._remove(call, call.params["id"], call.params["otherId"])
        return Reply(None, 204)

    def batch_create(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        results, errors = [], []
        for item in call.read_inputs({"from", "to", "types"}).items:
            id_, other_id = _end(item.get("from")), _end(item.get("to"))
            fault = self._find_fault(call, id_, other_id)
            kinds = [checked_object(kind, _TYPE_KEYS) for kind in checked_list(item.get("types") or [])]
            type_ids = [kind.get("associationTypeId") for kind in kinds]
            if not type_ids or any(types_tied_by(call.type.plural, kind) != call.other.plural for kind in type_ids):
                raise Refusal(400, "One or more association types are not valid", "VALIDATION_ERROR")
            if fault is not None:
                errors.append(fault)
                continue
            for type_id in type_ids:
                self._associate(call, id_, other_id, type_id)
            results.append(_created(call, id_, other_id))
        return Reply(batch_body(self._objects, started_at, results, errors), 207 if errors else 201)

    def batch_default(self, call: Call) -> Reply:
        started_at = self._objects.clock()
        results, errors = [], []
        for item in call.read_inputs({"from", "to"}).items:
            id_, other_id = _end(item.get("from")), _end(item.get("to"))
            fault = self._find_fault(call, id_, other_id)
            if fault is not None:
                errors.append(fault)
            else:
                results.append(self._add_default(call, id_, other_id))
        return Reply(batch_body(self._objects, started_at, results, errors), 207 if errors else 200)

    def batch_archive(self, call: Call) -> Reply:
        for item in call.read_inputs({"from", "to"}).items:
            for target in checked_list(item.get("to") or []):
                self._remove(call, _end(item.get("from")), _end(target))
        return Reply(None, 204)

    def _read(self, call: Call, id_: str, after: str, limit: int) -> dict[str, Any]:
        if not after.isdigit():
            raise Refusal(400, f"{after} is not a valid paging cursor", "VALIDATION_ERROR")
        late = self._faults.late_association_seconds
        tied = self._objects.associated(call.type.plural, id_, call.other.plural, late_seconds=late)
        ids = sorted(int(other_id) for other_id in tied if int(other_id) > int(after))
        page: dict[str, Any] = {
            "results": [
                {
                    # Recorded: a number, though HubSpot's specification calls it a text.
                    "toObjectId": other_id,
                    "associationTypes": render_association_types(
                        call.type.plural, call.other.plural, tied[str(other_id)]
                    ),
                }
                for other_id in ids[:limit]
            ]
        }
        if len(ids) > limit:
            last = str(ids[limit - 1])
            path = f"/crm/v4/objects/{call.type.plural}/{id_}/associations/{call.other.plural}"
            page["paging"] = {"next": {"after": last, "link": f"https://api.hubapi.com{path}?after={last}"}}
        return page

    def _associate(self, call: Call, id_: str, other_id: str, type_id: Any) -> None:
        self._objects.associate(call.type.plural, id_, call.other.plural, other_id, int(str(type_id)), source=_SOURCE)

    def _add_default(self, call: Call, id_: str, other_id: str) -> dict[str, Any]:
        type_id = default_type_id(call.type.plural, call.other.plural)
        if type_id is None:
            message = f"{call.type.plural} and {call.other.plural} cannot be associated"
            raise Refusal(400, message, "VALIDATION_ERROR")
        self._associate(call, id_, other_id, type_id)
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
        return {"from": {"id": id_}, "to": {"id": other_id}, "associationSpec": spec}

    def _remove(self, call: Call, id_: str, other_id: str) -> None:
        self._objects.dissociate(call.type.plural, id_, call.other.plural, other_id, source=_SOURCE)

    def _need(self, type_: ObjectType, id_: str) -> None:
        if self._objects.find(type_.plural, id_) is None:
            raise Refusal(404, "resource not found", "OBJECT_NOT_FOUND")

    def _find_fault(self, call: Call, id_: str, other_id: str) -> dict[str, Any] | None:
        """Return why two records cannot be tied, as a batch's error."""
        for item in (id_, other_id):
            if not item.isdigit():
                return {
                    "status": "error",
                    "category": "VALIDATION_ERROR",
                    "subCategory": "crm.associations.INVALID_IDENTIFIER",
                    "message": f"{item} is not a valid ID",
                    "context": {"id": [item]},
                }
        if call.type is call.other and id_ == other_id:
            message = f"Object {id_} cannot be associated to itself ({other_id})"
            return {"status": "error", "category": "VALIDATION_ERROR", "message": message}
        for type_, item in ((call.type, id_), (call.other, other_id)):
            if self._objects.find(type_.plural, item) is None:
                return {
                    "status": "error",
                    "category": "OBJECT_NOT_FOUND",
                    "message": f"No {type_.singular} with ID {item} exists",
                    "context": {"objectId": [item], "objectType": [type_.singular]},
                }
        return None


def _end(value: Any) -> str:
    return checked_text(checked_object(value, {"id"}).get("id"))


def _created(call: Call, id_: str, other_id: str) -> dict[str, Any]:
    return {
        "fromObjectTypeId": call.type.id,
        "fromObjectId": int(id_),
        "toObjectTypeId": call.other.id,
        "toObjectId": int(other_id),
        "labels": [],
    }


def _no_associations(type_: ObjectType, id_: str, other: ObjectType) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {other.singular} is associated with {type_.singular} {id_}.",
        "context": {
            "fromObjectId": [id_],
            "fromObjectType": [type_.singular],
            "toObjectType": [other.singular],
        },
    }
