"""Notes: a document, its versions, and what it is linked to.

A note exists before it is linked: the two are commits of their own.
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contentnote.htm
"""

import html
import re
from collections.abc import Mapping
from datetime import datetime

from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.org import ADMIN_ID, SalesforceOrg

_PREVIEW = 255
UNTITLED = "Untitled Note"  # what Salesforce calls a note that its writer did not name


def add_note(
    org: SalesforceOrg, title: str | None, content: bytes, at: datetime | None = None, *, by: str = ADMIN_ID
) -> Row:
    """Add a note, linked to nothing but its writer yet, and return its ContentVersion."""
    return _add_document(org, title or UNTITLED, content, "SNOTE", "snote", at, by)


def add_file(
    org: SalesforceOrg, title: str, path: str, content: bytes, at: datetime | None = None, *, by: str = ADMIN_ID
) -> Row:
    """Add a file that is no note, and return its ContentVersion."""
    extension = path.rpartition(".")[2].lower() if "." in path else ""
    kind = {"txt": "TEXT", "jpg": "JPG", "doc": "WORD"}.get(extension, extension.upper() or "UNKNOWN")
    return _add_document(org, title, content, kind, extension, at, by)


def edit_note(
    org: SalesforceOrg, document: str, content: bytes, title: str | None = None, *, by: str = ADMIN_ID
) -> Row:
    """Give a note another text, which is a new version of it, and return that."""
    latest = latest_version(org, document)
    title = title or latest["Title"]
    org.update("ContentVersion", latest["Id"], {"IsLatest": False}, by=by)
    number = str(int(latest.get("VersionNumber") or "1") + 1)
    kept = {name: latest.get(name) for name in ("FileType", "FileExtension", "PathOnClient", "OwnerId")}
    version = _add_version(org, document, title, content, {**kept, "VersionNumber": number}, None, by)
    values = {"Title": title, "LatestPublishedVersionId": version["Id"], "ContentSize": len(content)}
    org.update("ContentDocument", document, values, by=by)
    if document in org.tables["ContentNote"]:
        org.update("ContentNote", document, values | {"TextPreview": version["TextPreview"]}, by=by)
    return version


def link_file(org: SalesforceOrg, document: str, record: str, at: datetime | None = None, *, by: str = ADMIN_ID) -> Row:
    """Link a note or file to a record, and return the link."""
    values = {"ContentDocumentId": document, "LinkedEntityId": record, "ShareType": "V", "Visibility": "AllUsers"}
    return org.insert("ContentDocumentLink", values, at, by=by)


def unlink_file(org: SalesforceOrg, document: str, record: str) -> None:
    """Take a note or file off a record."""
    for link in org.committed("ContentDocumentLink", "ContentDocumentId", document):
        if link["LinkedEntityId"] == record:
            org.delete("ContentDocumentLink", link["Id"])


def latest_version(org: SalesforceOrg, document: str) -> Row:
    """Return the newest version of a document."""
    return next(row for row in org.committed("ContentVersion", "ContentDocumentId", document) if row["IsLatest"])


def plain_text(markup: str) -> str:
    """Return what a text says without its markup."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))).strip()


def _add_document(
    org: SalesforceOrg, title: str, content: bytes, kind: str, extension: str, at: datetime | None, by: str
) -> Row:
    size = {"Title": title, "FileType": kind, "FileExtension": extension, "ContentSize": len(content)}
    document = org.insert("ContentDocument", {**size, "PublishStatus": "P"}, at, by=by)
    more = {"FileType": kind, "FileExtension": extension, "PathOnClient": f"{title}.{extension}", "VersionNumber": "1"}
    version = _add_version(org, document["Id"], title, content, more, at, by)
    document["LatestPublishedVersionId"] = version["Id"]
    if kind == "SNOTE":
        note = {**size, "Id": document["Id"], "LatestPublishedVersionId": version["Id"]}
        org.insert("ContentNote", {**note, "TextPreview": version["TextPreview"]}, at, by=by)
    # The owner of a file is linked to it (not confirmed for notes).
    owner = {"ContentDocumentId": document["Id"], "LinkedEntityId": document["OwnerId"], "ShareType": "I"}
    org.insert("ContentDocumentLink", {**owner, "Visibility": "AllUsers"}, at, by=by)
    return version


def _add_version(
    org: SalesforceOrg,
    document: str,
    title: str,
    content: bytes,
    more: Mapping[str, object],
    at: datetime | None,
    by: str,
) -> Row:
    note = more["FileType"] == "SNOTE"
    values = {"ContentDocumentId": document, "Title": title, "ContentSize": len(content), "IsLatest": True, **more}
    values["TextPreview"] = plain_text(content.decode("utf-8", "replace"))[:_PREVIEW] if note else None
    values["ContentModifiedDate"] = (at or org.clock()).replace(microsecond=0)
    version = org.insert("ContentVersion", values, at, by=by)
    org.bodies[version["Id"]] = content
    return version
