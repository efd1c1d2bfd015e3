"""The org that two clients get one of each, and what they do in it."""

import base64
import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.salesforce.package import build_package
from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, SalesforceOrg
from connectors.sandbox.salesforce.org import USER_ID
from connectors.sandbox.seeding import fill_many_salesforce

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VERSION = "64.0"
_LEADS = 2_300
MADE = 200  # what one call takes
_UNKNOWN = "00Q000000000001AAA"
_MISTAKE = {"Email": "no address"}


def build_org() -> SalesforceOrg:
    """Return the org that both clients get one of. Its clock stands, so that they are told the same times."""
    org = fill_many_salesforce(_LEADS, 1_500, 30, 1, lambda: NOW)
    org.query_all_files = False
    for id_ in list(org.tables["Lead"])[:4]:
        org.delete("Lead", id_)
    return org


def build_plan(org: SalesforceOrg) -> dict[str, Any]:
    """Return what a client is to ask of such an org, as JSON."""
    leads = [id_ for id_, row in org.tables["Lead"].items() if not row["IsDeleted"]]
    talked = sorted({row["WhoId"] for row in org.tables["Task"].values() if not row["IsDeleted"]})[:5]
    named = ", ".join(f"'{id_}'" for id_ in talked)
    return {
        "version": VERSION,
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "user": USER_ID,
        # A long text in the select list halves the pages.
        "listing": "SELECT Id, LastName, Description, CreatedDate, IsConverted, Owner.Name FROM Lead ORDER BY Id",
        "tree": f"SELECT Id, (SELECT Id, Subject, Who.Type FROM Tasks ORDER BY Id) FROM Lead WHERE Id IN ({named})"
        " ORDER BY Id",
        "grouped": "SELECT Status, COUNT(Id) total FROM Lead GROUP BY Status ORDER BY Status",
        "counted": "SELECT COUNT() FROM Lead WHERE Status != null",
        "withDeleted": "SELECT Id, IsDeleted FROM Lead WHERE IsDeleted = true ORDER BY Id",
        "ids": [leads[0], _UNKNOWN, leads[1]],
        "unknownId": _UNKNOWN,
        "made": [{"LastName": f"Made {number}", "Company": "Engines & Söhne"} for number in range(MADE)],
        "change": {"NumberOfEmployees": 12, "AnnualRevenue": 1234, "Description": "Zeile 1\nZeile 2"},
        "mistake": _MISTAKE,
        "start": (NOW - timedelta(days=2)).isoformat(),
        "end": (NOW + timedelta(minutes=5)).isoformat(),
        "lostLocator": f"/services/data/v{VERSION}/query/0r8xx0000000001AAA-2000",
        "refusedQueries": {
            "grammar": "SELECT Id FROM Lead WHERE",
            "column": "SELECT Id, Nonsense FROM Lead",
            "object": "SELECT Id FROM Nonsense",
            "long text": "SELECT Id FROM Lead WHERE Description = 'x'",
            "links": "SELECT Id FROM ContentDocumentLink",
            "id": "SELECT Id FROM Lead WHERE Id = 'nonsense'",
            "literal": "SELECT Id FROM Lead WHERE CreatedDate > 'yesterday'",
        },
        "bulkQuery": "SELECT Id, LastName, CreatedDate, IsConverted, Title FROM Lead WHERE LastName LIKE 'Last1%'",
        "refusedBulkQuery": "SELECT MasterLabel FROM LeadStatus",
        "bulkRows": [{"LastName": f"Bulk {number}", "Company": 'B, "C"'} for number in range(5)],
        "package": base64.b64encode(build_package()).decode(),
        "brokenPackage": base64.b64encode(_break(build_package())).decode(),
        "permissionSet": "SELECT Id FROM PermissionSet WHERE Name LIKE 'Callfirst%' ORDER BY Name LIMIT 1",
    }


def _break(package: bytes) -> bytes:
    """Return a package in which one field has a type that there is not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as given, zipfile.ZipFile(buffer, "w") as broken:
        for name in given.namelist():
            broken.writestr(name, given.read(name).replace(b"<type>Number</type>", b"<type>Nonsense</type>", 1))
    return buffer.getvalue()
