"""A few records to ask about, held in dictionaries."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.salesforce.ids import make_id
from connectors.sandbox.salesforce.schema import SObject, standard_objects
from connectors.sandbox.salesforce.soql import Result, Row, SoqlError, run_query

NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)  # a Wednesday
OBJECTS = standard_objects()
ADA, BEN, CLEO = (make_id("00Q", number) for number in (1, 2, 3))
OWNER, QUEUE, CONTACT, ACCOUNT, DEAL = (make_id(prefix, 1) for prefix in ("005", "00G", "003", "001", "006"))


def day(number: int, hour: int = 12) -> datetime:
    """Return a time in November 2026."""
    return datetime(2026, 11, number, hour, tzinfo=UTC)


@dataclass
class Records:
    """A `Source` over rows by object. `looked_up` and `listed` tell how it was asked."""

    tables: Mapping[str, list[dict[str, Any]]]
    objects: dict[str, SObject] = field(default_factory=lambda: dict(OBJECTS))
    all_files: bool = False
    looked_up: list[tuple[str, str]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    def describe(self, sobject: str) -> SObject:
        found = next((item for name, item in self.objects.items() if name.lower() == sobject.lower()), None)
        if found is None:
            raise SoqlError("INVALID_TYPE", f"sObject type '{sobject}' is not supported.")
        return found

    def rows(self, sobject: str) -> Iterable[Row]:
        self.listed.append(sobject)
        return self.tables.get(sobject, [])

    def lookup(self, sobject: str, field: str, values: Collection[str]) -> Iterable[Row]:
        self.looked_up.append((sobject, field))
        return [row for row in self.tables.get(sobject, []) if row.get(field) in values]

    def find(self, id: str) -> Row | None:
        rows = self.tables.get(self.type_of(id) or "", [])
        return next((row for row in rows if row["Id"] == id), None)

    def type_of(self, id: str) -> str | None:
        return next((name for name, item in self.objects.items() if item.prefix and id.startswith(item.prefix)), None)

    def can_query_all_files(self) -> bool:
        return self.all_files

    def hide(self, sobject: str, name: str) -> None:
        """Take the permission to see a field away."""
        known = self.objects[sobject]
        left = {key: value for key, value in known.fields.items() if key != name}
        self.objects[sobject] = replace(known, fields=left)

    def ask(self, soql: str, *, all_rows: bool = False, bulk: bool = False) -> Result:
        """Return what a query answers."""
        return run_query(soql, self, all_rows=all_rows, bulk=bulk, now=NOW)

    def show(self, soql: str, *, all_rows: bool = False) -> list[dict[str, Any]]:
        """Return the records as REST shows them, without the attributes of the outer ones."""
        result = self.ask(soql, all_rows=all_rows)
        shown = [result.render(row, "/services/data/v64.0") for row in result.rows]
        return [{key: value for key, value in body.items() if key != "attributes"} for body in shown]


def few_records() -> Records:
    """Return three leads with what belongs to them; `Ada` was changed first, `Cleo` last."""
    leads = [
        {"Id": ADA, "Name": "Ada Abel", "Company": "Acme", "Status": "Open - Not Contacted", "NumberOfEmployees": 10}
        | {"OwnerId": OWNER, "SystemModstamp": day(1), "AnnualRevenue": 5e6, "Rating": "Hot", "City": "Graz"},
        {"Id": BEN, "Name": "Ben Berg", "Company": "berg_gmbh", "Status": "Working - Contacted", "IsConverted": True}
        | {"OwnerId": QUEUE, "SystemModstamp": day(20), "NumberOfEmployees": 9, "ConvertedDate": day(24).date()},
        {"Id": CLEO, "Name": "Cleo O'Hara", "Company": "100% Pure", "Status": "Open - Not Contacted"}
        | {"OwnerId": OWNER, "SystemModstamp": day(25), "Description": "long"},
    ]
    tasks = [
        {"Id": make_id("00T", 1), "WhoId": ADA, "Subject": "Call", "Status": "Completed", "IsClosed": True}
        | {"OwnerId": OWNER, "SystemModstamp": day(2), "ActivityDate": day(2).date()},
        {"Id": make_id("00T", 2), "WhoId": ADA, "Subject": "Mail", "Status": "Not Started", "SystemModstamp": day(3)},
        {"Id": make_id("00T", 3), "WhoId": CONTACT, "WhatId": DEAL, "Subject": "Old", "IsArchived": True}
        | {"SystemModstamp": day(4), "IsClosed": True},
        {"Id": make_id("00T", 4), "WhoId": BEN, "Subject": "Gone", "IsDeleted": True, "SystemModstamp": day(5)},
    ]
    people = [{"Id": OWNER, "Name": "Olga Owner", "Email": "olga@example.com", "IsActive": True, "ManagerId": OWNER}]
    document = make_id("069", 1)
    version = {"Id": make_id("068", 1), "ContentDocumentId": document, "FileType": "SNOTE", "IsLatest": True}
    link = {"Id": make_id("06A", 1), "ContentDocumentId": document, "LinkedEntityId": ADA, "SystemModstamp": day(6)}
    feed = {"Id": make_id("0D5", 1), "ParentId": ADA, "Body": "hello", "Type": "TextPost"}
    history = {"Id": make_id("017", 1), "LeadId": ADA, "Field": "Status", "NewValue": "Working", "CreatedDate": day(7)}
    return Records(
        {
            "Lead": leads,
            "Task": tasks,
            "User": people,
            "Group": [{"Id": QUEUE, "Name": "Unassigned", "Type": "Queue"}],
            "Contact": [{"Id": CONTACT, "Name": "Carl Contact", "AccountId": ACCOUNT, "Email": "carl@example.com"}],
            "Account": [{"Id": ACCOUNT, "Name": "Acme Inc", "OwnerId": OWNER}],
            "Opportunity": [{"Id": DEAL, "Name": "Deal", "AccountId": ACCOUNT, "Amount": 50000, "OwnerId": OWNER}],
            "ContentDocument": [{"Id": document, "Title": "Note", "FileType": "SNOTE"}],
            "ContentVersion": [version | {"Title": "Note", "VersionData": "unused"}],
            "ContentDocumentLink": [link],
            "FeedItem": [feed],
            "LeadHistory": [history],
        }
    )
