"""Merging records and converting leads: what hangs on one record moves to another."""

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.sandbox.salesforce.deletion import Deletion
from connectors.sandbox.salesforce.index import Row

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

_TIES = (
    ("Task", "WhoId"),
    ("Task", "WhatId"),
    ("Event", "WhoId"),
    ("Event", "WhatId"),
    ("ContentDocumentLink", "LinkedEntityId"),
    ("EmailMessage", "RelatedToId"),
    ("EmailMessageRelation", "RelationId"),
    ("Note", "ParentId"),
    ("FeedItem", "ParentId"),
    ("OpportunityContactRole", "ContactId"),
)


def merge(org: "SalesforceOrg", sobject: str, master: str, losers: Collection[str], by: str) -> None:
    """Merge records of one object.

    https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_merge.htm
    """
    for loser in losers:
        for child, field in _TIES:
            for row in org.committed(child, field, loser):
                org.update(child, row["Id"], {field: master}, by=by)
        row = org.update(sobject, loser, {"IsDeleted": True, "MasterRecordId": master}, by=by)
        org.deletions.append(Deletion(sobject, loser, row["SystemModstamp"], loser))
    org.touch(sobject, master, by=by)


def convert(org: "SalesforceOrg", lead: str, *, opportunity: bool, by: str) -> Row:
    """Convert a lead: its activities move to the contact and the opportunity, its notes are linked to both.

    Custom fields are not copied: an admin would have to map them.
    https://help.salesforce.com/s/articleView?id=sales.leads_notes_conversion.htm
    """
    row = org.tables["Lead"][lead]
    owner = {"OwnerId": row["OwnerId"]}
    account = org.insert("Account", {"Name": row.get("Company"), **owner}, by=by)["Id"]
    person = {name: row.get(name) for name in ("FirstName", "LastName", "Email", "Title", "Description")}
    contact = org.insert("Contact", {**person, "AccountId": account, **owner}, by=by)["Id"]
    done: dict[str, object] = {"ConvertedAccountId": account, "ConvertedContactId": contact}
    deal = None
    if opportunity:
        first = min(org.tables["OpportunityStage"].values(), key=lambda stage: stage["SortOrder"], default=None)
        values = {"Name": f"{row.get('Company')}-", "AccountId": account, **owner, "LeadSource": row.get("LeadSource")}
        values |= {"StageName": first["ApiName"] if first else None}
        values["CloseDate"] = (org.clock() + timedelta(days=90)).date()
        deal = done["ConvertedOpportunityId"] = org.insert("Opportunity", values, by=by)["Id"]
        roles = {"OpportunityId": deal, "ContactId": contact, "IsPrimary": True}
        org.insert("OpportunityContactRole", roles, by=by)
    _move(org, lead, contact, deal or account, by)
    converted = (stage["ApiName"] for stage in org.tables["LeadStatus"].values() if stage.get("IsConverted"))
    done |= {"IsConverted": True, "ConvertedDate": org.clock().date(), "Status": next(converted, row.get("Status"))}
    return org.update("Lead", lead, done, by=by)


def _move(org: "SalesforceOrg", lead: str, contact: str, about: str, by: str) -> None:
    for child in ("Task", "Event"):
        for row in org.committed(child, "WhoId", lead):
            org.update(child, row["Id"], {"WhoId": contact, "WhatId": about}, by=by)
    for relation in org.committed("EmailMessageRelation", "RelationId", lead):
        values = {"RelationId": contact, "RelationObjectType": "Contact"}
        org.update("EmailMessageRelation", relation["Id"], values, by=by)
    for link in org.committed("ContentDocumentLink", "LinkedEntityId", lead):
        for target in (contact, about):
            values = {"ContentDocumentId": link["ContentDocumentId"], "LinkedEntityId": target, "ShareType": "V"}
            org.insert("ContentDocumentLink", {**values, "Visibility": "AllUsers"}, by=by)
    for note in org.committed("Note", "ParentId", lead):
        org.update("Note", note["Id"], {"ParentId": contact}, by=by)
