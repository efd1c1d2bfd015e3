"""Mails and meetings: what becomes several records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.notes import plain_text
from connectors.sandbox.salesforce.org import SalesforceOrg

_TASK_TEXT = 32_000


def add_email(
    org: SalesforceOrg,
    record: str,
    subject: str,
    body: str,
    sent_at: datetime,
    at: datetime | None = None,
    *,
    incoming: bool = False,
    **more: Any,
) -> Row:
    """Add a mail with a lead, contact or opportunity, and return the record that holds its text.

    Enhanced Email keeps an EmailMessage, its relation to the person, and a Task whose text is a copy. Without it there
    is only the Task.
    https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_emailmessage.htm
    """
    about = {"WhatId": record} if record.startswith("006") else {"WhoId": record}
    text = plain_text(body)[:_TASK_TEXT]
    task = org.insert(
        "Task",
        {
            **about,
            "Subject": f"Email: {subject}"[:255],
            "Description": text,
            "TaskSubtype": "Email",
            "Status": "Completed",
            "ActivityDate": sent_at.date(),
            "CompletedDateTime": sent_at.replace(microsecond=0),
        },
        at,
    )
    if not org.enhanced_email:
        return task
    values: dict[str, Any] = {
        "Subject": subject,
        "HtmlBody": body,
        "TextBody": text,
        "Incoming": incoming,
        "MessageDate": sent_at.replace(microsecond=0),
        "ActivityId": task["Id"],
        "Status": "2" if incoming else "3",  # Replied/Sent are codes: 2 is Replied, 3 is Sent
        **more,
    }
    if "WhatId" in about:
        values["RelatedToId"] = record
    message = org.insert("EmailMessage", values, at)
    if "WhoId" in about:
        type_ = "Lead" if record.startswith("00Q") else "Contact"
        role = "FromAddress" if incoming else "ToAddress"
        relation = {"EmailMessageId": message["Id"], "RelationId": record, "RelationObjectType": type_}
        org.insert("EmailMessageRelation", {**relation, "RelationType": role}, at)
    return message


def add_event(
    org: SalesforceOrg, values: Mapping[str, Any], at: datetime | None = None, *, invitees: Sequence[str] = ()
) -> Row:
    """Add a meeting; each invited user has a child of it with the same text. Return the meeting itself."""
    event = org.insert("Event", values, at)
    for user in invitees:
        org.insert("Event", {**values, "IsChild": True, "OwnerId": user}, at)
    return event
