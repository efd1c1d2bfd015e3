"""How the API shows records: the same for lists, searches and batches."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot.index import Values
from connectors.sandbox.hubspot.object_types import ObjectType
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import APP_ID, PORTAL_ID, Record
from connectors.times import render_time

UI_DOMAIN = "app-eu1.hubspot.com"
# A token without the scope `sales-email-read` gets a mail without these.
_MAIL_CONTENT = frozenset({"hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_headers"})
_MAIL_SCOPE = "sales-email-read"
# Recorded: what else the reply to a write shows, although it can be written.
_COMPUTED = {("contacts", "hs_pipeline"), ("contacts", "lifecyclestage")}
_INLINE_ASSOCIATIONS = 100  # what a list page carries of one record's associations; the rest is paged


class Rendering:
    """What one call asked to see of every record: its properties, their history, its associations."""

    def __init__(
        self,
        objects: HubSpotObjects,
        type_: ObjectType,
        names: Sequence[str],
        history: Sequence[str] = (),
        others: Sequence[ObjectType] = (),
        *,
        scopes: Collection[str] = (_MAIL_SCOPE,),
        late_seconds: float = 0.0,
    ) -> None:
        known = objects.properties[type_.plural]
        asked = {*(names or type_.defaults), *history, type_.created, type_.modified, "hs_object_id"}
        # Unknown names are left out without a word; known ones that are unset come back as null.
        self._names = sorted(name for name in asked if name in known)
        self._history = [name for name in history if name in known]
        self._objects = objects
        self._type = type_
        self._others = others
        self._late_seconds = late_seconds
        self._hidden = _MAIL_CONTENT if type_.plural == "emails" and _MAIL_SCOPE not in scopes else frozenset()
        self._url = f"https://{UI_DOMAIN}/contacts/{PORTAL_ID}/record/{type_.id}/"

    def row(self, record: Record) -> dict[str, Any]:
        """Return a record."""
        body = self.values(record.properties, record.archived_at)
        if self._history:
            body["propertiesWithHistory"] = {name: self._versions(record, name) for name in self._history}
        if self._others:
            associations = self._associations(record.id)
            if associations:
                body["associations"] = associations
        return body

    def values(self, values: Values, archived_at: datetime | None = None) -> dict[str, Any]:
        """Return a record of which only the property values are known, as a search does."""
        get = values.get
        properties = {name: get(name) or None for name in self._names}
        for name in self._hidden & properties.keys():
            properties[name] = None
        id_ = values["hs_object_id"]
        body: dict[str, Any] = {
            "id": id_,
            "properties": properties,
            "createdAt": values[self._type.created],
            "updatedAt": values[self._type.modified],
            "archived": archived_at is not None,
            "url": f"{self._url}{id_}",
        }
        if archived_at is not None:
            body["archivedAt"] = render_time(archived_at)
        return body

    def written(self, record: Record, names: Collection[str]) -> dict[str, Any]:
        """Return a record after a write: what was written and what HubSpot computes, without what is unset."""
        body = self.values(record.properties, record.archived_at)
        known = self._objects.properties[self._type.plural]
        shown = {
            name: value
            for name, value in record.properties.items()
            if value and name in known and (known[name].read_only or (self._type.plural, name) in _COMPUTED)
        }
        # Recorded: what was cleared comes back as an empty text, where reading it gives null.
        shown |= {name: record.properties.get(name) or "" for name in names if name in known}
        body["properties"] = dict(sorted(shown.items()))
        return body

    def _versions(self, record: Record, name: str) -> list[dict[str, Any]]:
        if name in self._hidden:
            return []
        return [
            {
                "value": version.value,
                "timestamp": render_time(version.at),
                "sourceType": version.source,
                **(
                    {"sourceId": "userId:1", "updatedByUserId": 1}
                    if version.source == "CRM_UI"
                    else {"sourceId": str(APP_ID)}
                ),
            }
            for version in self._objects.history(record, name)
        ]

    def _associations(self, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for other in self._others:
            tied = list(self._objects.associated(self._type.plural, id_, other.plural, late_seconds=self._late_seconds))
            if not tied:
                continue
            name = f"{self._type.singular}_to_{other.singular}"
            page: dict[str, Any] = {"results": [{"id": item, "type": name} for item in tied[:_INLINE_ASSOCIATIONS]]}
            if len(tied) > _INLINE_ASSOCIATIONS:
                last = tied[_INLINE_ASSOCIATIONS - 1]
                link = f"https://api.hubapi.com/crm/v3/objects/{self._type.plural}/{id_}/associations/{other.plural}"
                page["paging"] = {"next": {"after": last, "link": f"{link}?after={last}"}}
            found[other.plural] = page
        return found


def batch_body(
    objects: HubSpotObjects,
    started_at: datetime,
    results: Sequence[Mapping[str, Any]],
    errors: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the body of a batch reply."""
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": render_time(started_at),
        "completedAt": render_time(objects.clock()),
    }
    return body | {"numErrors": len(errors), "errors": errors} if errors else body


def not_found(type_: ObjectType, ids: Sequence[str]) -> dict[str, Any]:
    """Return the error of a batch that names objects which do not exist."""
    message = f"Could not get some {type_.singular.upper()} objects, they may be deleted or not exist."
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": message + " Check that ids are valid.",
        "context": {"ids": list(ids)},
    }
