"""Reads contacts and their engagements: by list the first time, by search for what changed since.

A search is walked by `hs_object_id`, not by its own paging: HubSpot ends every search after 10,000 rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.objects import BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest

from connectors.base import Page
from connectors.errors import SchemaError
from connectors.hubspot.schema import (
    CONTACT_FIELDS,
    INTERACTION_TEXTS,
    NAME_PROPERTIES,
    OWNER_PROPERTY,
    PREFIX,
    STREAM_KINDS,
    modified_property,
)
from connectors.hubspot.transport import HubSpotConfig, Transport
from connectors.lead import FieldValue, Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.text import html_to_text, mail_to_text
from connectors.times import parse_time

# HubSpot's page limits: 100 rows a list page, 50 with history, 200 a search page, 100 ids a batch.
_LIST_ROWS = 100
_HISTORY_ROWS = 50
_SEARCH_ROWS = 200
_BATCH_IDS = 100
# HubSpot's search index lags behind writes; rows near the edge are read twice rather than missed.
_OVERLAP = timedelta(minutes=10)


class Reader:
    """Turns HubSpot's objects into leads, interactions and stage changes."""

    def __init__(self, transport: Transport, config: HubSpotConfig) -> None:
        self._transport = transport
        self._config = config
        self._definitions: dict[str, Any] | None = None

    def list_stages(self) -> list[Stage]:
        """Return the options of the stage property, in the portal's order."""
        definition = self._contact_definitions().get(self._config.stage_property)
        if definition is None:
            raise SchemaError(f"HubSpot contacts have no property {self._config.stage_property!r} (stage_property)")
        options = sorted(definition.options or [], key=lambda option: option.display_order or 0)
        values = [option.value for option in options]
        for setting, named in (("won", self._config.won), ("lost", self._config.lost)):
            if not set(named) & set(values):
                raise SchemaError(
                    f"[hubspot] {setting} = {list(named)} names no option of {self._config.stage_property};"
                    f" its options are {values}"
                )
        return [Stage(o.value, o.label, position, self._outcome(o.value)) for position, o in enumerate(options)]

    def read(self, stream: str, since: datetime | None, position: str | None) -> Iterator[Page]:
        """Yield the pages of one stream; see `Connector.read`."""
        properties = self._properties(stream)
        if since is None:
            return self._list_pages(stream, properties, position)
        return self._search_pages(stream, properties, since - _OVERLAP, position)

    def contact_fields(self) -> dict[str, str]:
        """Return the contact properties that describe a lead, with our names; custom ones keep their own."""
        names: dict[str, str] = {}
        for name, definition in self._contact_definitions().items():
            custom = not definition.hubspot_defined and not name.startswith(PREFIX)
            if (name in CONTACT_FIELDS or custom) and name != self._config.stage_property:
                names[name] = CONTACT_FIELDS.get(name, name)
        return {name: ours for name, ours in names.items() if not {name, ours} & set(self._config.excluded_fields)}

    def _contact_definitions(self) -> dict[str, Any]:
        if self._definitions is None:
            api = self._transport.client.crm.properties.core_api
            found = self._transport.call("GET properties/contacts", api.get_all, "contacts")
            self._definitions = {definition.name: definition for definition in found.results}
        return self._definitions

    def _properties(self, stream: str) -> list[str]:
        if stream == "contacts":
            own = [*NAME_PROPERTIES, OWNER_PROPERTY, self._config.stage_property]
            return [*own, *self.contact_fields(), "createdate", modified_property(stream)]
        texts = INTERACTION_TEXTS[STREAM_KINDS[stream]]
        return [*texts, "hs_timestamp", "hs_createdate", modified_property(stream)]

    def _list_pages(self, stream: str, properties: list[str], after: str | None) -> Iterator[Page]:
        api = self._transport.client.crm.objects.basic_api
        wanted: dict[str, Any] = (
            {"limit": _HISTORY_ROWS, "properties_with_history": [self._config.stage_property]}
            if stream == "contacts"
            else {"limit": _LIST_ROWS, "associations": ["contacts"]}
        )
        while True:
            found = self._transport.call(
                f"GET {stream}", api.get_page, stream, after=after, properties=properties, archived=False, **wanted
            )
            after = found.paging.next.after if found.paging and found.paging.next else None
            yield self._page(stream, found.results, after)
            if after is None:
                return

    def _search_pages(self, stream: str, properties: list[str], since: datetime, last_id: str | None) -> Iterator[Page]:
        api = self._transport.client.crm.objects.search_api
        changed = {
            "propertyName": modified_property(stream),
            "operator": "GTE",
            "value": str(int(since.timestamp() * 1000)),
        }
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last_id or "0"}
            request = PublicObjectSearchRequest(
                filter_groups=[{"filters": [changed, beyond]}],
                sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                properties=properties,
                limit=_SEARCH_ROWS,
            )
            found = self._transport.call(f"POST {stream}/search", api.do_search, stream, request)
            rows = found.results
            if rows:
                last_id = rows[-1].id
            more = found.paging is not None and found.paging.next is not None
            rows = self._with_history(rows, properties) if stream == "contacts" else rows
            yield self._page(stream, rows, last_id if more else None)
            if not more:
                return

    def _with_history(self, rows: Sequence[Any], properties: list[str]) -> list[Any]:
        """Read contacts again by id: a search cannot return their stage history."""
        api = self._transport.client.crm.objects.batch_api
        found: list[Any] = []
        for start in range(0, len(rows), _HISTORY_ROWS):
            request = BatchReadInputSimplePublicObjectId(
                inputs=[{"id": row.id} for row in rows[start : start + _HISTORY_ROWS]],
                properties=properties,
                properties_with_history=[self._config.stage_property],
            )
            found.extend(self._transport.call("POST contacts/batch/read", api.read, "contacts", request).results)
        return found

    def _page(self, stream: str, rows: Sequence[Any], position: str | None) -> Page:
        if stream == "contacts":
            return Page(
                leads=tuple(self._parse_lead(row) for row in rows),
                stage_changes=tuple(change for row in rows for change in self._parse_changes(row)),
                position=position,
            )
        contacts = self._associated_contacts(stream, rows)
        return Page(
            interactions=tuple(
                parse_interaction(STREAM_KINDS[stream], row, contact)
                for row in rows
                for contact in contacts.get(row.id, ())
            ),
            position=position,
        )

    def _associated_contacts(self, stream: str, rows: Sequence[Any]) -> dict[str, list[str]]:
        """Return the contact ids of each engagement: from the row where it carries them all, else by batch."""
        contacts: dict[str, list[str]] = {}
        unknown: list[str] = []
        for row in rows:
            carried = getattr(row, "associations", None)  # rows of a search never carry any
            inline = (carried or {}).get("contacts")
            if inline is not None and inline.paging is None:
                contacts[row.id] = list(dict.fromkeys(item.id for item in inline.results))
            elif inline is not None or not hasattr(row, "associations"):
                unknown.append(row.id)
        api = self._transport.client.crm.associations.v4.batch_api
        for start in range(0, len(unknown), _BATCH_IDS):
            request = BatchInputPublicFetchAssociationsBatchRequest(
                inputs=[{"id": id_} for id_ in unknown[start : start + _BATCH_IDS]]
            )
            # A 207 here means that some engagements have no contact, which is no fault.
            found = self._transport.call(
                f"POST associations/{stream}/contacts/batch/read", api.get_page, stream, "contacts", request
            )
            for result in found.results:
                contacts[result._from.id] = [str(target.to_object_id) for target in result.to]
        return contacts

    def _outcome(self, stage: str) -> Outcome:
        if stage in self._config.won:
            return Outcome.WON
        return Outcome.LOST if stage in self._config.lost else Outcome.OPEN

    def _parse_lead(self, row: Any) -> Lead:
        properties: Mapping[str, str | None] = row.properties
        definitions = self._contact_definitions()
        stage = properties.get(self._config.stage_property) or ""
        person = " ".join(filter(None, (properties.get("firstname"), properties.get("lastname"))))
        return Lead(
            id=row.id,
            name=person or properties.get("company") or f"contact {row.id}",
            stage=stage,
            outcome=self._outcome(stage),
            owner=properties.get(OWNER_PROPERTY),
            created_at=row.created_at,
            modified_at=row.updated_at,
            fields={
                ours: parse_value(definitions[name].type, properties.get(name))
                for name, ours in self.contact_fields().items()
            },
        )

    def _parse_changes(self, row: Any) -> list[StageChange]:
        versions = (row.properties_with_history or {}).get(self._config.stage_property, ())
        return [
            StageChange(row.id, version.value, parse_time(str(version.timestamp)))
            for version in versions
            if version.value
        ]


def parse_interaction(kind: InteractionKind, row: Any, contact: str) -> Interaction:
    """Return an engagement as an interaction of one contact."""
    properties: Mapping[str, str | None] = row.properties
    if kind is InteractionKind.EMAIL:
        body = mail_to_text(properties.get("hs_email_text") or properties.get("hs_email_html") or "")
        parts = [html_to_text(properties.get("hs_email_subject") or ""), body]
    else:
        parts = [html_to_text(properties.get(name) or "") for name in INTERACTION_TEXTS[kind]]
    occurred = properties.get("hs_timestamp")
    return Interaction(
        id=row.id,
        lead_id=contact,
        kind=kind,
        occurred_at=parse_time(occurred) if occurred else row.created_at,
        created_at=row.created_at,
        modified_at=row.updated_at,
        text="\n".join(filter(None, parts)),
        inbound=properties.get("hs_email_direction") == "INCOMING_EMAIL",
    )


def parse_value(type_: str, value: str | None) -> FieldValue:
    """Return a property's value in its own type; HubSpot sends every value as text."""
    if value is None or value == "":
        return None
    if type_ == "number":
        try:
            return float(value)
        except ValueError:
            return value
    if type_ == "bool":
        return value.lower() == "true"
    return value
