"""The recycle bin: what goes into it with a record, and comes out again."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg

_PERSON = (
    ("Task", "WhoId"),
    ("Event", "WhoId"),
    ("EventRelation", "RelationId"),
    ("EmailMessageRelation", "RelationId"),
    ("ContentDocumentLink", "LinkedEntityId"),
    ("Note", "ParentId"),
    ("FeedItem", "ParentId"),
)
_BUSINESS = (
    ("Task", "WhatId"),
    ("Event", "WhatId"),
    ("ContentDocumentLink", "LinkedEntityId"),
    ("Note", "ParentId"),
    ("FeedItem", "ParentId"),
)
# What is deleted with a record, by the field that ties it: where a recorded describe says `cascadeDelete`. Those of
# Opportunity, EmailMessage, ContentDocument and PermissionSet were not recorded and are not confirmed.
CHILDREN = {
    "Lead": (*_PERSON, ("LeadHistory", "LeadId")),
    "Contact": (*_PERSON, ("OpportunityContactRole", "ContactId")),
    "Account": (*_BUSINESS, ("Opportunity", "AccountId"), ("Contact", "AccountId")),
    "Opportunity": (
        *_BUSINESS,
        ("OpportunityContactRole", "OpportunityId"),
        ("OpportunityHistory", "OpportunityId"),
        ("OpportunityFieldHistory", "OpportunityId"),
    ),
    "ContentDocument": (("ContentDocumentLink", "ContentDocumentId"), ("ContentVersion", "ContentDocumentId")),
    "EmailMessage": (("EmailMessageRelation", "EmailMessageId"),),
    "PermissionSet": (
        ("PermissionSetAssignment", "PermissionSetId"),
        ("FieldPermissions", "ParentId"),
        ("ObjectPermissions", "ParentId"),
    ),
}


@dataclass(frozen=True, slots=True)
class Deletion:
    """One record that was deleted; `because` is the record that took it along, itself if none did."""

    sobject: str
    id: str
    at: datetime
    because: str


def delete(org: "SalesforceOrg", sobject: str, id_: str, by: str) -> None:
    """Put a record and what hangs on it into the recycle bin; what has none is gone for good."""
    _delete(org, sobject, id_, id_, by)


def undelete(org: "SalesforceOrg", sobject: str, id_: str, by: str) -> None:
    """Take a record, and what was deleted with it, out of the recycle bin, unless the bin was emptied of it."""
    for deletion in [item for item in org.deletions if item.because == id_]:
        if deletion.id in org.tables[deletion.sobject]:
            org.update(deletion.sobject, deletion.id, {"IsDeleted": False}, by=by)
        org.deletions.remove(deletion)


def _delete(org: "SalesforceOrg", sobject: str, id_: str, because: str, by: str) -> None:
    for child, field in CHILDREN.get(sobject, ()):
        for item in org.committed(child, field, id_):
            _delete(org, child, item["Id"], because, by)
    note = org.tables["ContentNote"].get(id_)
    if sobject == "ContentDocument" and note is not None and not note["IsDeleted"]:
        _delete(org, "ContentNote", id_, because, by)
    if "IsDeleted" not in org.objects[sobject].fields:
        org.erase(sobject, id_)
        return
    row = org.update(sobject, id_, {"IsDeleted": True}, by=by)
    org.deletions.append(
        Deletion(sobject, id_, row.get("SystemModstamp") or org.clock().replace(microsecond=0), because)
    )
