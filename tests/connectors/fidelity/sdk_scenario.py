"""Runs the scenario of `node/scenario.mjs` with hubspot-sdk, which calls the dated paths; prints what it saw as JSON.

Arguments: the portal's address, and the plan as JSON.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from hubspot_sdk import APIStatusError, HubSpot
from hubspot_sdk._response import APIResponse


class Scenario:
    """One client, and the plan that it follows."""

    def __init__(self, base_url: str, plan: dict[str, Any]) -> None:
        self._crm = HubSpot(access_token="sandbox", base_url=base_url, max_retries=0).crm
        self._plan = plan

    def run(self) -> dict[str, Any]:
        """Return what the client saw, in the order in which it did it."""
        plan = self._plan
        return {
            "contacts": self._list_contacts(),
            "batchRead": self._batch_read(),
            "search": self._search(),
            "ties": self._read_ties(),
            "pipelines": self._list_pipelines(),
            "owners": self._list_owners(),
            "definitions": self._define(),
            "updated": self._update(plan["updates"]),
            "partlyUpdated": self._update([plan["updates"][0], plan["unknown"]]),
            "twice": self._update([plan["updates"][0]] * 2),
            "note": self._write_note(),
            "archived": self._archive(),
            "unknownType": self._unknown_type(),
        }

    def _list_contacts(self) -> list[list[dict[str, Any]]]:
        plan = self._plan
        page = self._crm.objects.contacts.list(
            limit=plan["pageSize"], properties=plan["properties"], associations=plan["others"], archived=False
        )
        return [[_contact(row.to_dict()) for row in one.results] for one in page.iter_pages()]

    def _batch_read(self) -> dict[str, Any]:
        inputs: Any = [{"id": id_} for id_ in self._plan["contacts"]]
        status, body = _ask(
            lambda: self._crm.objects.contacts.batch.with_raw_response.get(
                inputs=inputs, properties=["email"], properties_with_history=["hs_lead_status"], archived=False
            )
        )
        rows = [
            {
                "id": row["id"],
                "email": row["properties"]["email"],
                "history": [
                    [item["value"], item["timestamp"], item["sourceType"]]
                    for item in row["propertiesWithHistory"]["hs_lead_status"]
                ],
            }
            for row in body["results"]
        ]
        return {"status": status, "state": body["status"], "rows": rows}

    def _search(self) -> list[dict[str, Any]]:
        plan, pages, after = self._plan, [], ""
        while True:
            status, body = _ask(
                lambda after=after: self._crm.objects.contacts.with_raw_response.search(  # type: ignore[misc]
                    after=after,
                    filter_groups=[{"filters": plan["filters"]}],
                    limit=plan["searchSize"],
                    properties=["createdate"],
                    sorts=plan["sorts"],
                )
            )
            rows = [[row["id"], row["properties"]["createdate"]] for row in body["results"]]
            pages.append({"status": status, "total": body["total"], "rows": rows})
            if "paging" not in body:
                return pages
            after = body["paging"]["next"]["after"]

    def _read_ties(self) -> dict[str, Any]:
        inputs: Any = [{"id": id_} for id_ in self._plan["notes"]]
        status, body = _ask(
            lambda: self._crm.associations.batch.with_raw_response.get(
                "contacts", from_object_type="notes", inputs=inputs
            )
        )
        rows = [
            {
                "from": row["from"]["id"],
                "to": [
                    [
                        str(tie["toObjectId"]),
                        [[kind["category"], kind["typeId"], kind["label"]] for kind in tie["associationTypes"]],
                    ]
                    for tie in row["to"]
                ],
            }
            for row in body["results"]
        ]
        errors = [[error["category"], error["message"]] for error in body.get("errors", [])]
        return {"status": status, "rows": rows, "errors": errors}

    def _list_pipelines(self) -> list[dict[str, Any]]:
        _, body = _ask(lambda: self._crm.pipelines.with_raw_response.list("deals"))
        return [
            {
                "id": pipeline["id"],
                "label": pipeline["label"],
                "stages": [
                    [stage["id"], stage["label"], stage["displayOrder"], stage["metadata"]]
                    for stage in pipeline["stages"]
                ],
            }
            for pipeline in body["results"]
        ]

    def _list_owners(self) -> list[list[Any]]:
        page = self._crm.owners.list(limit=100, archived=False)
        names = ("id", "email", "firstName", "lastName", "userId")
        return [[owner.to_dict()[name] for name in names] for owner in page]

    def _define(self) -> dict[str, Any]:
        plan = self._plan

        def group() -> tuple[int, Any]:
            return _ask(
                lambda: self._crm.properties.groups.with_raw_response.create(
                    "contacts", name=plan["group"]["name"], label=plan["group"]["label"]
                )
            )

        def batch() -> dict[str, Any]:
            status, body = _ask(
                lambda: self._crm.properties.batch.with_raw_response.create("contacts", inputs=plan["definitions"])
            )
            names = ("name", "type", "fieldType", "groupName")
            return {
                "status": status,
                "made": [[item[name] for name in names] for item in body["results"]],
                "errors": [[error["category"], error["context"]] for error in body.get("errors", [])],
            }

        (made, body), (again, refusal) = group(), group()
        return {
            "group": [made, body["name"], body["label"]],
            "groupAgain": [again, refusal["category"]],
            "properties": batch(),
            "propertiesAgain": batch(),
        }

    def _update(self, inputs: Any) -> dict[str, Any]:
        status, body = _ask(lambda: self._crm.objects.contacts.batch.with_raw_response.update(inputs=inputs))
        if status >= 400:
            return {"status": status} | {name: body[name] for name in ("category", "message", "context")}
        return {
            "status": status,
            "rows": [[row["id"], row["properties"]] for row in body["results"]],
            "count": body.get("numErrors", 0),
            "errors": [[error["category"], error["context"]] for error in body.get("errors", [])],
        }

    def _write_note(self) -> dict[str, Any]:
        notes, wanted = self._crm.objects.notes, self._plan["note"]
        status, made = _ask(
            lambda: notes.with_raw_response.create(associations=wanted["associations"], properties=wanted["properties"])
        )
        row = notes.get(made["id"], properties=["hs_note_body"], associations=["contacts"], archived=False).to_dict()
        ties: Any = row["associations"]
        texts: Any = row["properties"]
        contacts = [tie["id"] for tie in ties["contacts"]["results"]]
        return {"status": status, "id": row["id"], "text": texts["hs_note_body"], "contacts": contacts}

    def _archive(self) -> dict[str, Any]:
        contacts, id_ = self._crm.objects.contacts, self._plan["archived"]
        status, _ = _ask(lambda: contacts.with_raw_response.delete(id_))
        again, refusal = _ask(lambda: contacts.with_raw_response.get(id_))
        rows: list[Any] = [
            _plain(row.to_dict()) for row in contacts.list(limit=100, properties=["email"], archived=True)
        ]
        return {
            "status": status,
            "again": [again, refusal["category"]],
            "rows": [[row["id"], row["properties"]["email"], row["archived"], row["archivedAt"]] for row in rows],
        }

    def _unknown_type(self) -> dict[str, Any]:
        status, body = _ask(lambda: self._crm.objects.generic_objects.with_raw_response.list("butterflies"))
        return {"status": status, "message": body["message"]}


def _ask(call: Callable[[], APIResponse[Any]]) -> tuple[int, Any]:
    """Return the status and the body of a call, whether it was answered or refused."""
    try:
        reply = call()
    except APIStatusError as error:
        return error.status_code, error.body
    body = reply.parse()
    return reply.status_code, None if body is None else _plain(body.to_dict())


def _contact(row: Any) -> dict[str, Any]:
    plain = _plain(row)
    ties = {
        name: [[tie["id"], tie["type"]] for tie in page["results"]]
        for name, page in plain.get("associations", {}).items()
    }
    names = ("id", "properties", "createdAt", "updatedAt", "archived")
    return {name: plain.get(name) for name in names} | {"ties": ties}


def _plain(value: Any) -> Any:
    """Return a model's values as JSON has them, times as JavaScript spells them."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.stdout.write(json.dumps(Scenario(sys.argv[1], json.loads(sys.argv[2])).run()))
