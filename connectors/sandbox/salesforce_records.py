"""The data that a sandbox Salesforce org holds: records, their fields, and who may see them."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

USER_ID = "005000000000001AAA"
QUEUE_ID = "00G000000000001AAA"

_PREFIXES = {
    "Lead": "00Q",
    "LeadHistory": "017",
    "LeadStatus": "01J",
    "Task": "00T",
    "Event": "00U",
    "EmailMessage": "02s",
    "EmailMessageRelation": "0CZ",
    "ContentVersion": "068",
    "ContentDocument": "069",
    "ContentDocumentLink": "06A",
    "PermissionSet": "0PS",
    "PermissionSetAssignment": "0Pa",
    "User": "005",
}
# Field name:type. Types are Salesforce's; `textarea` is a long text, which cannot be filtered on.
_COMMON = "Id:id CreatedDate:datetime SystemModstamp:datetime LastModifiedDate:datetime IsDeleted:boolean"
_FIELDS = {
    "Lead": f"{_COMMON} Name:string FirstName:string LastName:string Company:string Title:string Email:email "
    "Status:picklist Industry:picklist Country:string City:string NumberOfEmployees:int AnnualRevenue:currency "
    "LeadSource:picklist Description:textarea OwnerId:reference IsConverted:boolean",
    "LeadHistory": "Id:id LeadId:reference Field:picklist OldValue:anyType NewValue:anyType CreatedDate:datetime "
    "IsDeleted:boolean",
    "LeadStatus": "Id:id ApiName:string MasterLabel:string SortOrder:int IsConverted:boolean IsDefault:boolean",
    "Task": f"{_COMMON} WhoId:reference WhatId:reference Subject:combobox Description:textarea Status:picklist "
    "TaskSubtype:picklist ActivityDate:date CompletedDateTime:datetime OwnerId:reference IsClosed:boolean",
    "Event": f"{_COMMON} WhoId:reference WhatId:reference Subject:combobox Description:textarea "
    "StartDateTime:datetime EndDateTime:datetime IsChild:boolean OwnerId:reference",
    "EmailMessage": f"{_COMMON} Subject:string TextBody:textarea HtmlBody:textarea FromAddress:email "
    "ToAddress:string Incoming:boolean MessageDate:datetime Status:picklist ActivityId:reference "
    "RelatedToId:reference",
    "EmailMessageRelation": "Id:id EmailMessageId:reference RelationId:reference RelationObjectType:picklist "
    "RelationType:picklist SystemModstamp:datetime",
    "ContentVersion": f"{_COMMON} ContentDocumentId:reference Title:string TextPreview:string ContentSize:int "
    "FileType:string IsLatest:boolean OwnerId:reference",
    "ContentDocumentLink": "Id:id ContentDocumentId:reference LinkedEntityId:reference ShareType:picklist "
    "SystemModstamp:datetime IsDeleted:boolean",
    "PermissionSet": "Id:id Name:string Label:string SystemModstamp:datetime",
    "PermissionSetAssignment": "Id:id AssigneeId:reference PermissionSetId:reference SystemModstamp:datetime",
    "User": "Id:id Name:string IsActive:boolean SystemModstamp:datetime",
}
_DEFAULTS = {"boolean": False}
NOT_FILTERABLE = {"textarea"}


class SalesforceRefusal(Exception):
    """Something Salesforce does not do, with its status code and the fields at fault."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass
class CustomField:
    """A field that was deployed or seeded. Nobody sees it until a permission set that grants it is assigned."""

    type: str
    label: str
    choices: tuple[str, ...] = ()
    visible: bool = False


@dataclass
class SalesforceRecords:
    """The org's tables and the rules by which they change."""

    clock: Callable[[], datetime]
    hidden: frozenset[str] = frozenset()  # "Lead.OwnerId": fields that the integration user may not see
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in _FIELDS})
    custom_fields: dict[str, CustomField] = field(default_factory=dict)  # of Lead
    permission_fields: dict[str, set[str]] = field(default_factory=dict)  # permission set name -> Lead fields
    bodies: dict[str, bytes] = field(default_factory=dict)  # ContentVersion id -> content
    _numbers: dict[str, "itertools.count[int]"] = field(default_factory=dict)

    def new_id(self, sobject: str) -> str:
        """Return the next 18-character id of an object."""
        number = next(self._numbers.setdefault(sobject, itertools.count(1)))
        return f"{_PREFIXES[sobject]}{number:012d}AAA"

    def fields(self, sobject: str) -> dict[str, str]:
        """Return the fields that the integration user may see, with their types.

        Raises:
            SalesforceRefusal: There is no such object.
        """
        if sobject not in _FIELDS:
            raise SalesforceRefusal(
                "INVALID_TYPE",
                f"sObject type '{sobject}' is not supported. If you are attempting to use a custom object, be sure to"
                " append the '__c' after the entity name.",
            )
        named = dict(word.split(":") for word in _FIELDS[sobject].split())
        if sobject == "Lead":
            named |= {name: field.type for name, field in self.custom_fields.items() if field.visible}
        return {name: type_ for name, type_ in named.items() if f"{sobject}.{name}" not in self.hidden}

    def insert(self, sobject: str, values: Mapping[str, Any], at: datetime | None = None) -> dict[str, Any]:
        """Add a record and return it. Unset fields are null, unset booleans false."""
        now = at or self.clock()
        row: dict[str, Any] = {
            name: _DEFAULTS.get(type_) for name, type_ in self.fields(sobject).items() if name != "Id"
        }
        row |= {name: None for name in self.custom_fields if sobject == "Lead"}
        row |= {"Id": self.new_id(sobject), "CreatedDate": now, "SystemModstamp": now, "LastModifiedDate": now}
        row |= values
        if sobject == "Lead":
            row["Name"] = " ".join(filter(None, (row["FirstName"], row["LastName"])))
            row["OwnerId"] = row.get("OwnerId") or USER_ID
        self.tables[sobject][row["Id"]] = row
        return row

    def check_values(self, sobject: str, values: Mapping[str, Any]) -> None:
        """Refuse values that Salesforce would refuse on insert or update.

        Raises:
            SalesforceRefusal: A field does not exist, or does not take its value.
        """
        known = self.fields(sobject)
        for name, value in values.items():
            if name not in known:
                raise SalesforceRefusal(
                    "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}", (name,)
                )
            custom = self.custom_fields.get(name) if sobject == "Lead" else None
            if value is None:
                continue
            if custom is not None and custom.choices and value not in custom.choices:
                message = f"{custom.label}: bad value for restricted picklist field: {value}"
                raise SalesforceRefusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (name,))
            if known[name] in ("double", "int", "currency") and not isinstance(value, int | float):
                raise SalesforceRefusal("JSON_PARSER_ERROR", f"{name} is no number", (name,))

    def update_lead(self, id_: str, values: Mapping[str, Any], *, auto_assign: bool) -> None:
        """Change a Lead. Its stamps move even if no value does; a status change is logged.

        Raises:
            SalesforceRefusal: The Lead does not exist, is converted, or does not take the values.
        """
        row = self.tables["Lead"].get(id_)
        if row is None:
            raise SalesforceRefusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if row["IsDeleted"]:
            raise SalesforceRefusal("ENTITY_IS_DELETED", "entity is deleted")
        if row["IsConverted"]:
            raise SalesforceRefusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self.check_values("Lead", values)
        before = row["Status"]
        row |= values
        if auto_assign:
            # The org has an active assignment rule: an update that does not switch it off gives the lead away.
            row["OwnerId"] = QUEUE_ID
        self.touch(row)
        if row["Status"] != before:
            self.log_status(id_, before, row["Status"], self.clock())

    def log_status(self, lead: str, before: str | None, after: str, at: datetime) -> None:
        """Write one row of the status history."""
        change = {"LeadId": lead, "Field": "Status", "OldValue": before, "NewValue": after}
        self.insert("LeadHistory", change, at)

    def touch(self, row: dict[str, Any]) -> None:
        """Move a record's stamps."""
        row["SystemModstamp"] = row["LastModifiedDate"] = self.clock()

    def add_note(self, title: str, content: bytes, at: datetime | None = None) -> dict[str, Any]:
        """Add a note, not linked to anything yet, and return its ContentVersion."""
        text = content.decode("utf-8")
        row = self.insert(
            "ContentVersion",
            {
                "ContentDocumentId": self.new_id("ContentDocument"),
                "Title": title,
                "TextPreview": text[:255],
                "ContentSize": len(content),
                "FileType": "SNOTE",
                "IsLatest": True,
                "OwnerId": USER_ID,
            },
            at,
        )
        self.bodies[row["Id"]] = content
        return row

    def link_note(self, version: Mapping[str, Any], lead: str) -> None:
        """Link a note to a Lead."""
        link = {"ContentDocumentId": version["ContentDocumentId"], "LinkedEntityId": lead, "ShareType": "V"}
        self.insert("ContentDocumentLink", link)

    def assign_permission_set(self, permission_set: str) -> None:
        """Let the integration user see the fields that a permission set grants."""
        name = self.tables["PermissionSet"][permission_set]["Name"]
        for granted in self.permission_fields.get(name, ()):
            if granted in self.custom_fields:
                self.custom_fields[granted].visible = True


def render_field(value: Any, type_: str) -> Any:
    """Return a value as Salesforce's REST replies spell it."""
    if isinstance(value, datetime):
        if type_ == "date":
            return value.date().isoformat()
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}+0000"
    return value.isoformat() if isinstance(value, date) else value
