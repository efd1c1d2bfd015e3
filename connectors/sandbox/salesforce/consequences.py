"""What Salesforce itself changes when a record is written: names, figures of stages, histories, last activities."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.permissions import GRANTS

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

_STAGE_FIELDS = ("StageName", "Amount", "Probability", "CloseDate")
_DONE = "Completed"
# Compound fields, and how the fields that they are made of begin.
_ADDRESSES = {
    "Lead": ("Address", ""),
    "Contact": ("MailingAddress", "Mailing"),
    "Account": ("BillingAddress", "Billing"),
}
_ADDRESS_PARTS = ("City", "Country", "PostalCode", "State", "Street")


def complete(org: "SalesforceOrg", sobject: str, row: Row, changed: Mapping[str, Any]) -> None:
    """Fill in what follows from a record's other values."""
    if sobject in _ADDRESSES:
        _complete_address(row, changed, *_ADDRESSES[sobject])
    match sobject:
        case "Lead" | "Contact" | "User":
            if not row.get("Name") or "FirstName" in changed or "LastName" in changed:
                row["Name"] = " ".join(filter(None, (row.get("FirstName"), row.get("LastName")))) or row.get("Name")
        case "Task":
            _complete_task(row, changed)
        case "Event":
            _complete_event(row)
        case "Opportunity" if "StageName" in changed:
            stage = org.stage(row.get("StageName"))
            row["IsClosed"], row["IsWon"] = stage.get("IsClosed", False), stage.get("IsWon", False)
            if "Probability" not in changed:
                row["Probability"] = stage.get("DefaultProbability")
            if "ForecastCategory" not in changed:
                row["ForecastCategory"] = stage.get("ForecastCategory", "Pipeline")
                row["ForecastCategoryName"] = stage.get("ForecastCategoryName", "Pipeline")


def _complete_address(row: Row, changed: Mapping[str, Any], name: str, prefix: str) -> None:
    if not any(f"{prefix}{part}" in changed for part in _ADDRESS_PARTS):
        return
    parts = {part[0].lower() + part[1:]: row.get(f"{prefix}{part}") for part in _ADDRESS_PARTS}
    known = any(value is not None for value in parts.values())
    row[name] = parts | {"geocodeAccuracy": None, "latitude": None, "longitude": None} if known else None


def _complete_task(row: Row, changed: Mapping[str, Any]) -> None:
    row["Status"] = row.get("Status") or "Not Started"
    row["Priority"] = row.get("Priority") or "Normal"
    row["TaskSubtype"] = row.get("TaskSubtype") or "Task"
    row["IsClosed"] = row["Status"] == _DONE
    if "Status" in changed and row["IsClosed"] and "CompletedDateTime" not in changed:
        row["CompletedDateTime"] = row["SystemModstamp"]


def _complete_event(row: Row) -> None:
    start, end = row.get("StartDateTime"), row.get("EndDateTime")
    if start is not None and end is not None:
        row["DurationInMinutes"] = int((end - start).total_seconds() // 60)
    row["EventSubtype"] = row.get("EventSubtype") or "Event"


def follow_up(org: "SalesforceOrg", sobject: str, before: Row | None, row: Row, at: datetime, by: str) -> None:
    """Write what a change of a record brings about in other records."""
    match sobject:
        case "Opportunity":
            if before is None or any(before.get(name) != row.get(name) for name in _STAGE_FIELDS):
                _log_stage(org, before, row, at, by)
            _log_fields(org, "Opportunity", "OpportunityFieldHistory", "OpportunityId", before, row, at, by)
        case "Lead":
            _log_fields(org, "Lead", "LeadHistory", "LeadId", before, row, at, by)
        case "Task" | "Event":
            _date_activity(org, sobject, row)
        case _ if sobject in GRANTS:
            org.forget_schema()


def _log_stage(org: "SalesforceOrg", before: Row | None, row: Row, at: datetime, by: str) -> None:
    values = {name: row.get(name) for name in (*_STAGE_FIELDS, "ForecastCategory")}
    more = {"FromForecastCategory": before.get("ForecastCategory")} if before is not None else {}
    org.insert("OpportunityHistory", {"OpportunityId": row["Id"], **values, **more}, at, by=by)


def _log_fields(
    org: "SalesforceOrg", sobject: str, history: str, parent: str, before: Row | None, row: Row, at: datetime, by: str
) -> None:
    """Write a history row for each tracked field that changed; none where tracking is off.

    https://help.salesforce.com/s/articleView?id=xcloud.tracking_field_history.htm
    """
    tracked = [name.partition(".")[2] for name in org.history_tracked if name.startswith(f"{sobject}.")]
    if before is None:
        if tracked:
            org.insert(history, {parent: row["Id"], "Field": "created", "DataType": "Text"}, at, by=by)
        return
    for name in sorted(tracked):
        old, new = before.get(name), row.get(name)
        if old != new:
            change = {"Field": name, "OldValue": old, "NewValue": new, "DataType": "Text"}
            org.insert(history, {parent: row["Id"], **change}, at, by=by)


def _date_activity(org: "SalesforceOrg", sobject: str, row: Row) -> None:
    """Move the date of last activity of what an activity is about, and no stamp of it: the date is a roll-up."""
    if sobject == "Event":
        start = row.get("StartDateTime")
        day = start.date() if start is not None else row.get("ActivityDate")
    elif row["IsClosed"]:
        day = row.get("ActivityDate") or row["SystemModstamp"].date()
    else:
        return
    if day is None:
        return
    for name in ("WhoId", "WhatId"):
        about = org.find_row(row.get(name))
        if about is not None and (about.get("LastActivityDate") is None or about["LastActivityDate"] < day):
            about["LastActivityDate"] = day
