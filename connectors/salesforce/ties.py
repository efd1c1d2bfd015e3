"""Which leads a record belongs to: directly, as what they became, or through the people of an opportunity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from connectors.salesforce.schema import CONTACT, LEAD_OBJECTS
from connectors.salesforce.soql import chunks, list_literal
from connectors.salesforce.transport import Transport
from connectors.times import parse_time

A_DAY = timedelta(days=1)  # as fine as Salesforce remembers a conversion


@dataclass(frozen=True, slots=True)
class Named:
    """What a record names: the ids of people and things that it is about, and when it was made."""

    ids: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tie:
    """A lead that a record belongs to, and the day on which a conversion handed the record on to what it became.

    Salesforce gives the day in the org's time zone, which is not known here: it may be the one before or after in UTC.
    """

    lead_id: str
    converted_on: date | None = None


@dataclass(frozen=True, slots=True)
class _Conversion:
    """A lead that went into a contact or an opportunity."""

    lead_id: str
    created_at: datetime
    converted_on: date


class Ties(Protocol):
    """Finds the leads of records, and the other names under which a lead's own records are kept."""

    def find(self, named: Sequence[Named]) -> list[tuple[Tie, ...]]:
        """Return the leads that each record belongs to."""
        ...

    def refresh(self) -> None:
        """Ask anew about what was nobody's until now."""
        ...

    def list_names(self, leads: Sequence[str]) -> list[str]:
        """Return all ids that a record may name to belong to one of these leads, theirs included."""
        ...


class LeadTies:
    """Leads: what names a Lead, and what was made before its conversion and now names what it became.

    A conversion hands a Lead's activities on to the contact and the opportunity that it becomes.
    https://help.salesforce.com/s/articleView?id=sales.leads_conversion_mapping.htm
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._prefix = LEAD_OBJECTS["Lead"].prefix
        self._became: dict[str, list[_Conversion]] = {}

    def find(self, named: Sequence[Named]) -> list[tuple[Tie, ...]]:
        """See `Ties`."""
        converted = (CONTACT, LEAD_OBJECTS["Opportunity"].prefix)
        self._learn(id_ for item in named for id_ in item.ids if id_.startswith(converted))
        return [self._ties_of(item) for item in named]

    def refresh(self) -> None:
        """See `Ties`. What a lead became it stays; who is no lead's may become one's."""
        self._became = {id_: leads for id_, leads in self._became.items() if leads}

    def list_names(self, leads: Sequence[str]) -> list[str]:
        """See `Ties`."""
        names = set(leads)
        for chunk in chunks(leads):
            where = f"IsConverted = true AND Id IN {list_literal(chunk)}"
            for row in self._transport.select("ConvertedContactId, ConvertedOpportunityId", "Lead", where):
                names |= {row["ConvertedContactId"], row["ConvertedOpportunityId"]}
        return sorted(name for name in names if name is not None)

    def _ties_of(self, item: Named) -> tuple[Tie, ...]:
        ties = {id_: Tie(id_) for id_ in item.ids if id_.startswith(self._prefix)}
        for id_ in item.ids:
            for became in self._became.get(id_, ()):
                # A contact may be older than the lead that went into it: what was said before is not about the lead.
                if became.created_at <= item.created_at and item.created_at.date() <= became.converted_on + A_DAY:
                    ties[became.lead_id] = Tie(became.lead_id, became.converted_on)
        return tuple(ties.values())

    def _learn(self, ids: Iterable[str]) -> None:
        """Find out which leads became these people and opportunities; what a session knows, it does not ask again."""
        unknown = [id_ for id_ in ids if id_ not in self._became]
        for chunk in chunks(unknown):
            self._became |= {id_: [] for id_ in chunk}
            listed = list_literal(chunk)
            where = f"IsConverted = true AND (ConvertedContactId IN {listed} OR ConvertedOpportunityId IN {listed})"
            columns = "CreatedDate, ConvertedContactId, ConvertedOpportunityId, ConvertedDate"
            for row in self._transport.select(columns, "Lead", where):
                for id_ in {row["ConvertedContactId"], row["ConvertedOpportunityId"]} & set(chunk):
                    converted_on = date.fromisoformat(row["ConvertedDate"])
                    self._became[id_].append(_Conversion(row["Id"], parse_time(row["CreatedDate"]), converted_on))


class OpportunityTies:
    """Opportunities: what names one; else what names a contact that plays a part in it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._prefix = LEAD_OBJECTS["Opportunity"].prefix

    def find(self, named: Sequence[Named]) -> list[tuple[Tie, ...]]:
        """See `Ties`."""
        direct = [[id_ for id_ in item.ids if id_.startswith(self._prefix)] for item in named]
        contacts = {
            id_
            for item, leads in zip(named, direct, strict=True)
            if not leads
            for id_ in item.ids
            if id_.startswith(CONTACT)
        }
        parts: dict[str, list[str]] = {}
        for chunk in chunks(contacts):
            where = f"ContactId IN {list_literal(chunk)}"
            for row in self._transport.select("ContactId, OpportunityId", "OpportunityContactRole", where):
                parts.setdefault(row["ContactId"], []).append(row["OpportunityId"])
        return [
            tuple(Tie(lead) for lead in dict.fromkeys(leads or [o for id_ in item.ids for o in parts.get(id_, ())]))
            for item, leads in zip(named, direct, strict=True)
        ]

    def refresh(self) -> None:
        """See `Ties`. Nothing is remembered here."""

    def list_names(self, leads: Sequence[str]) -> list[str]:
        """See `Ties`."""
        names = set(leads)
        for chunk in chunks(leads):
            where = f"OpportunityId IN {list_literal(chunk)}"
            rows = self._transport.select("ContactId", "OpportunityContactRole", where)
            names |= {row["ContactId"] for row in rows if row["ContactId"] is not None}
        return sorted(names)
