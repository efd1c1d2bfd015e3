"""Sandbox orgs for tests, and whether a store holds exactly what an org does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import Connector
from connectors.salesforce import SalesforceConfig, SalesforceConnector
from connectors.sandbox.org import build_organisation
from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, SalesforceFaults, SalesforceOrg, build_app
from connectors.sandbox.seeding import fill_many_salesforce, fill_salesforce
from connectors.sandbox.server import SandboxServer
from tests.connectors.rows import held_rows
from tests.sandboxes import NO_WAIT
from worker.pull import pull
from worker.store import Store

_TASK_KINDS = {"Call": "call", "Email": "email"}


@dataclass
class Clock:
    """The org's clock, which can be put forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class RunningOrg:
    """An org behind a real server, and its insides."""

    url: str
    org: SalesforceOrg
    faults: SalesforceFaults
    clock: "Clock"

    def connect(self, *, known_texts: Any = None, **settings: Any) -> SalesforceConnector:
        """Return a session with other settings than the usual ones, which waits for nothing."""
        usual = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        config = SalesforceConfig.model_validate(
            {"instance_url": self.url, **(settings.pop("login", usual)), **settings}
        )
        more = {} if known_texts is None else {"known_texts": known_texts}
        return SalesforceConnector(config, NO_WAIT, **more)


@contextmanager
def running_org(*, lead_object: str = "Lead", leads: int | None = None, activities: int = 0) -> Iterator[RunningOrg]:
    """Run an org of its own: the made-up organisation, or with `leads` that many plain ones."""
    made_up, clock = build_organisation(3, datetime.now(UTC), closed=40, open_=20), Clock()
    if leads is None:
        org = fill_salesforce(made_up, clock, lead_object=lead_object)
    else:
        org = fill_many_salesforce(leads, activities, activities // 12, 1)
    faults = SalesforceFaults()
    with SandboxServer(build_app(org, faults)) as server:
        yield RunningOrg(server.url, org, faults, clock)


def org_keys(org: SalesforceOrg) -> tuple[set[str], set[tuple[str, ...]]]:
    """Return which Leads and interactions an org holds, from its tables and past every API."""
    live = {name: [row for row in table.values() if not row.get("IsDeleted")] for name, table in org.tables.items()}
    leads = {row["Id"] for row in live["Lead"]}
    became: dict[str, list[Mapping[str, Any]]] = {}
    for row in live["Lead"]:
        for name in ("ConvertedContactId", "ConvertedOpportunityId"):
            if row.get("IsConverted") and row.get(name):
                became.setdefault(row[name], []).append(row)

    def tied(row: Mapping[str, Any], *names: str | None) -> set[str]:
        found = {name for name in names if name is not None and name in leads}
        for name in names:
            found |= {
                lead["Id"]
                for lead in became.get(name or "", ())
                if lead["CreatedDate"] <= row["CreatedDate"]
                and row["CreatedDate"].date() <= lead["ConvertedDate"] + timedelta(days=1)
            }
        return found

    items: set[tuple[str, ...]] = set()
    copies = {row["ActivityId"] for row in live["EmailMessage"] if row.get("ActivityId")}
    for row in live["Task"]:
        kind = _TASK_KINDS.get(row.get("TaskSubtype") or "", "task")
        if kind != "email" or row["Id"] not in copies:
            items |= {(lead, kind, row["Id"]) for lead in tied(row, row.get("WhoId"), row.get("WhatId"))}
    for row in live["Event"]:
        if not row.get("IsChild"):
            items |= {(lead, "meeting", row["Id"]) for lead in tied(row, row.get("WhoId"), row.get("WhatId"))}
    related: dict[str, list[str | None]] = {}
    for row in live["EmailMessageRelation"]:
        related.setdefault(row["EmailMessageId"], []).append(row.get("RelationId"))
    for row in live["EmailMessage"]:
        names = [row.get("RelatedToId"), *related.get(row["Id"], ())]
        items |= {(lead, "email", row["Id"]) for lead in tied(row, *names)}
    linked: dict[str, list[str]] = {}
    for row in live["ContentDocumentLink"]:
        linked.setdefault(row["ContentDocumentId"], []).append(row["LinkedEntityId"])
    for row in live["ContentVersion"]:
        if row.get("FileType") == "SNOTE" and row.get("IsLatest"):
            document = row["ContentDocumentId"]
            items |= {(lead, "note", document) for lead in tied(row, *linked.get(document, ()))}
    for row in live["Note"]:
        items |= {(lead, "note", row["Id"]) for lead in tied(row, row["ParentId"])}
    return leads, items


def differences(store: Store, org: SalesforceOrg, quiet: Connector) -> list[str]:
    """Return what a store lacks, has too much of, or holds in another state than an org.

    Which records there are is asked of the org's tables; what each of them says, of a full read over a `quiet`
    connection into an empty store, hash by hash.
    """
    leads, items = held_rows(store)
    wanted_leads, wanted_items = org_keys(org)
    found = [f"lead {id_}" for id_ in wanted_leads ^ {key[0] for key in leads}]
    found += [f"interaction {key}" for key in wanted_items ^ set(items)]
    fresh = Store("sqlite://")
    fresh.upgrade()
    pull(fresh, quiet)
    said_leads, said_items = held_rows(fresh)
    fresh.close()
    found += [f"lead {key} says something else" for key, said in said_leads.items() if leads.get(key, said) != said]
    found += [
        f"interaction {key} says something else" for key, said in said_items.items() if items.get(key, said) != said
    ]
    return found
