"""An org in which people work: random changes to its records."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import TypeAlias

from connectors.sandbox.salesforce.activities import add_email, add_event
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.notes import add_note, edit_note, link_file, unlink_file
from connectors.sandbox.salesforce.org import SalesforceOrg

_Acts: TypeAlias = Mapping[Callable[[], str], int]

_TEXT = "they want a demo next week budget is open call back on monday pricing was sent no answer yet"


class Work:
    """Changes an org as its users do. The same seed on the same org makes the same changes."""

    def __init__(self, org: SalesforceOrg, seed: int) -> None:
        self._org = org
        self._random = Random(seed)
        self._known: dict[str, list[str]] = {}

    def change_leads(self, count: int) -> Counter[str]:
        """Edit, move, create, delete, merge and convert leads, or opportunities where there are no leads."""
        return self._act(
            {
                self._edit_lead: 8,
                self._move: 6,
                self._create_lead: 3,
                self._reassign: 1,
                self._delete_lead: 1,
                self._restore_lead: 1,
                self._merge_leads: 1,
                self._convert_lead: 1,
            },
            count,
        )

    def change_activities(self, count: int) -> Counter[str]:
        """Edit, create, move and delete tasks, events and mails. Return what was done."""
        return self._act(
            {self._edit: 6, self._create_task: 4, self._create_event: 1, self._create_email: 2}
            | {self._move_activity: 1, self._delete: 1},
            count,
        )

    def change_notes(self, count: int) -> Counter[str]:
        """Write, rewrite, link, unlink and delete notes of both kinds. Return what was done."""
        return self._act(
            {self._write_note: 4, self._leave_note: 2, self._link_note: 2, self._rewrite_note: 3}
            | {self._unlink_note: 1, self._delete_note: 1, self._write_old_note: 1, self._post: 1},
            count,
        )

    def _act(self, acts: _Acts, count: int) -> Counter[str]:
        chosen = self._random.choices(list(acts), weights=list(acts.values()), k=count)
        return Counter(act() for act in chosen)

    @property
    def _lead(self) -> str:
        return "Lead" if self._org.tables["Lead"] else "Opportunity"

    def _edit_lead(self) -> str:
        row = self._pick(self._lead)
        if row is None:
            return "leads left alone"
        name = "Title" if self._lead == "Lead" else "NextStep"
        self._org.update(self._lead, row["Id"], {name: self._say(2)})
        return "leads edited"

    def _move(self) -> str:
        row = self._pick(self._lead)
        steps = [step for step in self._org.tables["LeadStatus"].values() if not step["IsConverted"]]
        if self._lead == "Opportunity":
            steps = list(self._org.tables["OpportunityStage"].values())
        if row is None:
            return "leads left alone"
        name = "Status" if self._lead == "Lead" else "StageName"
        self._org.update(self._lead, row["Id"], {name: self._random.choice(steps)["ApiName"]})
        return "leads moved"

    def _create_lead(self) -> str:
        number = f"{self._random.getrandbits(48):x}"
        if self._lead == "Lead":
            values = {"FirstName": "New", "LastName": self._say(1), "Company": f"Company {number}"}
            row = self._org.insert("Lead", {**values, "Email": f"{number}@example.invalid"})
        else:
            first = next(iter(self._org.tables["OpportunityStage"].values()))["ApiName"]
            closes = (self._org.clock() + timedelta(days=60)).date()
            row = self._org.insert("Opportunity", {"Name": f"Deal {number}", "StageName": first, "CloseDate": closes})
        self._ids(self._lead).append(row["Id"])
        return "leads created"

    def _reassign(self) -> str:
        row, user = self._pick(self._lead), self._pick("User")
        if row is None or user is None:
            return "leads left alone"
        self._org.update(self._lead, row["Id"], {"OwnerId": user["Id"]})
        return "leads given away"

    def _delete_lead(self) -> str:
        row = self._pick(self._lead)
        if row is None:
            return "leads left alone"
        self._org.delete(self._lead, row["Id"])
        return "leads deleted"

    def _restore_lead(self) -> str:
        gone = [item.id for item in self._org.deletions if item.sobject == self._lead and item.because == item.id]
        table = self._org.tables[self._lead]
        gone = [id_ for id_ in gone if id_ in table and not table[id_].get("MasterRecordId")]
        if not gone:
            return "leads left alone"
        self._org.undelete(self._lead, self._random.choice(gone))
        return "leads restored"

    def _merge_leads(self) -> str:
        winner, loser = self._pick("Lead"), self._pick("Lead")
        if winner is None or loser is None or winner is loser:
            return "leads left alone"
        self._org.merge("Lead", winner["Id"], [loser["Id"]])
        return "leads merged"

    def _convert_lead(self) -> str:
        row = self._pick("Lead")
        if row is None:
            return "leads left alone"
        self._org.convert(row["Id"], opportunity=self._random.random() < 0.8)
        return "leads converted"

    def _edit(self) -> str:
        found = self._pick_activity()
        if found is None:
            return "activities left alone"
        sobject, row = found
        name = "HtmlBody" if sobject == "EmailMessage" else "Description"
        self._org.update(sobject, row["Id"], {name: self._say(8)})
        return "activities edited"

    def _create_task(self) -> str:
        lead = self._pick(self._lead)
        if lead is None:
            return "activities left alone"
        name = "WhoId" if self._lead == "Lead" else "WhatId"
        values = {name: lead["Id"], "Subject": self._say(2), "Description": self._say(12)}
        subtype = self._random.choice(["Task", "Call"])
        state = self._random.choice(["Completed", "Not Started"])
        task = self._org.insert("Task", {**values, "TaskSubtype": subtype, "Status": state})
        self._ids("Task").append(task["Id"])
        return "activities created"

    def _create_event(self) -> str:
        lead = self._pick(self._lead)
        if lead is None:
            return "activities left alone"
        start = self._org.clock().replace(microsecond=0)
        values = {"WhoId" if self._lead == "Lead" else "WhatId": lead["Id"], "Subject": self._say(2)}
        times = {"StartDateTime": start, "EndDateTime": start + timedelta(minutes=30), "ActivityDate": start.date()}
        event = add_event(self._org, {**values, **times, "Description": self._say(12)})
        self._ids("Event").append(event["Id"])
        return "activities created"

    def _create_email(self) -> str:
        lead = self._pick(self._lead)
        if lead is None:
            return "activities left alone"
        at = self._org.clock().replace(microsecond=0)
        mail = add_email(self._org, lead["Id"], self._say(3), f"<p>{self._say(12)}</p>", at)
        if self._org.enhanced_email:
            self._ids("EmailMessage").append(mail["Id"])
        return "mails created"

    def _move_activity(self) -> str:
        found, lead = self._pick_activity(), self._pick(self._lead)
        if found is None or lead is None or found[0] == "EmailMessage":
            return "activities left alone"
        self._org.update(found[0], found[1]["Id"], {"WhoId" if self._lead == "Lead" else "WhatId": lead["Id"]})
        return "activities moved"

    def _delete(self) -> str:
        found = self._pick_activity()
        if found is None:
            return "activities left alone"
        self._org.delete(found[0], found[1]["Id"])
        return "activities deleted"

    def _write_note(self) -> str:
        lead = self._pick(self._lead)
        if lead is None:
            return "notes left alone"
        note = self._add_note()
        link_file(self._org, note, lead["Id"])
        return "notes written"

    def _leave_note(self) -> str:
        """Write a note and link it to nothing; a later act may."""
        self._add_note()
        return "notes left unlinked"

    def _link_note(self) -> str:
        note, lead = self._pick("ContentNote"), self._pick(self._lead)
        if note is None or lead is None:
            return "notes left alone"
        links = self._org.committed("ContentDocumentLink", "ContentDocumentId", note["Id"])
        if any(link["LinkedEntityId"] == lead["Id"] for link in links):
            return "notes left alone"
        link_file(self._org, note["Id"], lead["Id"])
        return "notes linked"

    def _rewrite_note(self) -> str:
        note = self._pick("ContentNote")
        if note is None:
            return "notes left alone"
        edit_note(self._org, note["Id"], f"<p>{self._say(self._random.choice([8, 90]))}</p>".encode())
        return "notes rewritten"

    def _unlink_note(self) -> str:
        note = self._pick("ContentNote")
        links = self._org.committed("ContentDocumentLink", "ContentDocumentId", note["Id"]) if note else []
        targets = [link["LinkedEntityId"] for link in links if not link["LinkedEntityId"].startswith("005")]
        if note is None or not targets:
            return "notes left alone"
        unlink_file(self._org, note["Id"], self._random.choice(targets))
        return "notes unlinked"

    def _delete_note(self) -> str:
        note = self._pick("ContentNote")
        if note is None:
            return "notes left alone"
        self._org.delete("ContentDocument", note["Id"])
        return "notes deleted"

    def _write_old_note(self) -> str:
        lead = self._pick(self._lead)
        if lead is None:
            return "notes left alone"
        self._org.insert("Note", {"ParentId": lead["Id"], "Title": self._say(2), "Body": self._say(12)})
        return "old notes written"

    def _post(self) -> str:
        lead = self._pick(self._lead)
        if lead is None:
            return "notes left alone"
        self._org.insert("FeedItem", {"ParentId": lead["Id"], "Type": "TextPost", "Body": self._say(8)})
        return "posts written"

    def _add_note(self) -> str:
        text = f"<p>{self._say(self._random.choice([12, 90]))}</p>".encode()
        note = add_note(self._org, self._say(2), text)
        self._ids("ContentNote").append(note["ContentDocumentId"])
        return str(note["ContentDocumentId"])

    def _ids(self, sobject: str) -> list[str]:
        if sobject not in self._known:
            self._known[sobject] = list(self._org.tables[sobject])
        return self._known[sobject]

    def _pick(self, sobject: str) -> Row | None:
        """Return a record that can be worked on, or None where there is none."""
        ids, table = self._ids(sobject), self._org.tables[sobject]
        while ids:
            place = self._random.randrange(len(ids))
            row = table.get(ids[place])
            if row is not None and not row.get("IsDeleted") and not row.get("IsConverted"):
                return row
            ids[place] = ids[-1]
            ids.pop()
        return None

    def _pick_activity(self) -> tuple[str, Row] | None:
        kinds = [name for name in ("Task", "Event", "EmailMessage") if self._ids(name)]
        if not kinds:
            return None
        sobject = self._random.choices(kinds, weights=[len(self._ids(name)) for name in kinds])[0]
        row = self._pick(sobject)
        return (sobject, row) if row is not None else None

    def _say(self, words: int) -> str:
        return " ".join(self._random.choices(_TEXT.split(), k=words))
