"""Reading: what belongs to whom, what changed, what is gone, and how little it costs; the real client over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Page
from connectors.errors import SchemaError
from connectors.lead import InteractionKind, Outcome
from connectors.salesforce.soql import object_of
from connectors.sandbox.salesforce.activities import add_email, add_event
from connectors.sandbox.salesforce.notes import add_note, edit_note, link_file
from connectors.sandbox.salesforce.schema import Field
from tests.connectors.salesforce.orgs import RunningOrg, differences, running_org
from tests.connectors.test_contract import read_all
from worker.history import list_examples
from worker.inbox import drain
from worker.pull import pull
from worker.store import Store

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=400)


@pytest.fixture
def running() -> Iterator[RunningOrg]:
    with running_org() as org:
        yield org


def open_lead(running: RunningOrg) -> str:
    return next(
        id_
        for id_, row in running.org.tables["Lead"].items()
        if not row.get("IsConverted") and "Closed" not in row["Status"]
    )


def soon_after(running: RunningOrg, lead: str) -> datetime:
    created_at: datetime = running.org.tables["Lead"][lead]["CreatedDate"]
    return created_at + timedelta(seconds=1)


def add_task(running: RunningOrg, at: datetime | None = None, **values: Any) -> str:
    return str(running.org.insert("Task", {"Subject": "Call", "Status": "Completed", **values}, at)["Id"])


def texts(running: RunningOrg, store: Store, lead: str) -> list[str]:
    pull(store, running.connect())
    return [item.text for item in store.interactions_by_lead("salesforce").get(lead, [])]


def calls(running: RunningOrg, since: int) -> list[str]:
    return [f"{arrival.method} {arrival.path}" for arrival in list(running.faults.log)[since:]]


def test_the_first_pull_and_what_follows_hold_what_the_org_does(running: RunningOrg, store: Store) -> None:
    pull(store, running.connect())
    assert differences(store, running.org, running.connect()) == []

    lead = open_lead(running)
    task = add_task(running, WhoId=lead, TaskSubtype="Call", Description="They signed")
    add_event(running.org, {"WhoId": lead, "Subject": "Demo", "StartDateTime": NOW}, invitees=["005000000000001AAA"])
    add_email(running.org, lead, "Offer", "<p>Please find enclosed</p>", NOW)
    note = add_note(running.org, "Visit", b"<p>They like it</p>")
    link_file(running.org, note["ContentDocumentId"], lead)
    running.org.insert("Note", {"ParentId": lead, "Title": "Old", "Body": "A classic note"})
    pull(store, running.connect())
    assert differences(store, running.org, running.connect()) == []

    running.org.update("Task", task, {"WhoId": None})
    edit_note(running.org, note["ContentDocumentId"], b"<p>They like it no more</p>")
    pull(store, running.connect())
    assert differences(store, running.org, running.connect()) == []


def test_nothing_is_news_when_nothing_happened(running: RunningOrg, store: Store) -> None:
    pull(store, running.connect())

    again = pull(store, running.connect())

    assert again.changed == again.removed == 0


def test_an_edited_note_stays_one_note(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    note = add_note(running.org, "Visit", b"first", LONG_AGO)
    link_file(running.org, note["ContentDocumentId"], lead, LONG_AGO)
    pull(store, running.connect())
    edit_note(running.org, note["ContentDocumentId"], b"second")

    found = texts(running, store, lead)

    assert "Visit\nsecond" in found
    assert "Visit\nfirst" not in found


def test_the_text_of_a_long_note_is_read_once(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    note = add_note(running.org, "Long", b"<p>" + b"word " * 200 + b"</p>")
    link_file(running.org, note["ContentDocumentId"], lead)
    known = lambda kind, ids: store.known_texts("salesforce", kind, ids)  # noqa: E731  # as the wiring does

    def bodies(since: int) -> int:
        return sum("VersionData" in call for call in calls(running, since))

    before = len(running.faults.log)
    pull(store, running.connect(known_texts=known))
    read = bodies(before)
    before = len(running.faults.log)
    pull(store, running.connect(known_texts=known), full=True)
    again = bodies(before)
    edit_note(running.org, note["ContentDocumentId"], b"another " * 100)
    before = len(running.faults.log)
    pull(store, running.connect(known_texts=known))

    assert read >= 1
    assert again == 0
    assert bodies(before) == 1


def test_a_note_that_is_linked_late_is_found(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    note = add_note(running.org, "Late", b"linked an hour after it was written", NOW - timedelta(hours=20))
    pull(store, running.connect())
    link_file(running.org, note["ContentDocumentId"], lead)

    assert any("linked an hour after" in text for text in texts(running, store, lead))


def test_a_mail_that_is_related_late_is_found(running: RunningOrg, store: Store) -> None:
    first, second = list(running.org.tables["Lead"])[:2]
    mail = add_email(running.org, first, "Offer", "<p>for both of you</p>", LONG_AGO, LONG_AGO)
    pull(store, running.connect())
    values = {"EmailMessageId": mail["Id"], "RelationId": second, "RelationObjectType": "Lead"}
    running.org.insert("EmailMessageRelation", {**values, "RelationType": "CcAddress"})

    assert any("for both of you" in text for text in texts(running, store, second))


def test_a_mail_is_read_once_though_it_is_logged_as_a_task_too(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    add_email(running.org, lead, "Offer", "<p>Please find our unusual offer</p>", NOW)

    found = [text for text in texts(running, store, lead) if "unusual offer" in text]

    assert len(found) == 1
    assert not found[0].startswith("Email:")


def test_a_mail_without_enhanced_email_is_read_from_its_task(running: RunningOrg, store: Store) -> None:
    running.org.enhanced_email = False
    lead = open_lead(running)
    add_email(running.org, lead, "Offer", "<p>Please find our unusual offer</p>", NOW)
    pull(store, running.connect())

    kinds = [item.kind for item in store.interactions_by_lead("salesforce")[lead] if "unusual offer" in item.text]

    assert kinds == [InteractionKind.EMAIL]


def test_the_task_of_a_mail_that_was_deleted_comes_back(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    mail = add_email(running.org, lead, "Offer", "<p>unusual offer</p>", NOW)
    pull(store, running.connect())
    with running.org.lock:
        running.org.tables["EmailMessage"][mail["Id"]]["IsDeleted"] = True
        running.org.touch("EmailMessage", mail["Id"])

    found = [text for text in texts(running, store, lead) if "unusual offer" in text]

    assert found == ["Email: Offer\nunusual offer"]


def test_what_was_deleted_goes(running: RunningOrg, store: Store) -> None:
    lead, other = [id_ for id_, row in running.org.tables["Lead"].items() if not row.get("IsConverted")][:2]
    task = add_task(running, WhoId=lead)
    note = add_note(running.org, "Gone", b"soon gone")
    link_file(running.org, note["ContentDocumentId"], lead)
    pull(store, running.connect())

    running.org.delete("Task", task)
    running.org.delete("ContentDocument", note["ContentDocumentId"])
    running.org.delete("Lead", other)
    pull(store, running.connect())

    assert other not in {item.id for item in store.list_leads("salesforce", *Outcome)}
    assert differences(store, running.org, running.connect()) == []


def test_what_was_erased_without_a_trace_goes_with_the_weekly_listing(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    task = add_task(running, WhoId=lead)
    pull(store, running.connect())
    running.org.erase("Task", task)
    running.org.erase("Lead", list(running.org.tables["Lead"])[-1])

    pull(store, running.connect(), full=True)

    assert differences(store, running.org, running.connect()) == []


def test_a_merged_lead_goes_and_its_activities_are_the_others(running: RunningOrg, store: Store) -> None:
    loser, master = [id_ for id_, row in running.org.tables["Lead"].items() if not row.get("IsConverted")][:2]
    add_task(running, WhoId=loser, Description="said to the one that was merged")
    pull(store, running.connect())

    running.org.merge("Lead", master, [loser])

    assert any("said to the one" in text for text in texts(running, store, master))
    assert loser not in {item.id for item in store.list_leads("salesforce", *Outcome)}
    assert differences(store, running.org, running.connect()) == []


def test_a_converted_lead_is_won_and_keeps_what_was_said_to_it(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    at = soon_after(running, lead)
    add_task(running, at, WhoId=lead, Description="said before the sale")
    note = add_note(running.org, "Visit", b"written before the sale", at)
    link_file(running.org, note["ContentDocumentId"], lead, at)
    add_email(running.org, lead, "Offer", "<p>mailed before the sale</p>", at, at)
    pull(store, running.connect())

    contact = running.org.convert(lead)["ConvertedContactId"]
    add_task(running, NOW + timedelta(days=3), WhoId=contact, Description="said to the customer, later")
    before = add_task(
        running, at - timedelta(days=900), WhoId=contact, Description="said to the customer, years before"
    )
    running.org.touch("Task", before)  # or the next read would not see it
    found = texts(running, store, lead)

    assert {item.id: item.outcome for item in store.list_leads("salesforce", *Outcome)}[lead] is Outcome.WON
    for said in ("said before the sale", "written before the sale", "mailed before the sale"):
        assert any(said in text for text in found), said
    assert not any("said to the customer" in text for text in found)


@pytest.mark.parametrize("hours", [-10, 0, 10])
def test_a_conversion_does_not_make_old_texts_look_edited(running: RunningOrg, store: Store, hours: int) -> None:
    lead = open_lead(running)
    add_task(running, soon_after(running, lead), WhoId=lead, Description="said before the sale")
    pull(store, running.connect())
    running.org.history_tracked.add("Lead.Status")
    running.org.convert(lead)
    # Salesforce gives the day of a conversion as it was in the org's own time zone.
    running.org.tables["Lead"][lead]["ConvertedDate"] = (datetime.now(UTC) + timedelta(hours=hours)).date()
    pull(store, running.connect())

    won = [example for example in list_examples(store, "salesforce") if example.candidate.id == lead]

    assert won
    assert any("said before the sale" in passage.text for passage in won[-1].candidate.passages)


def test_stage_changes_are_watched_where_the_org_keeps_no_history(running: RunningOrg, store: Store) -> None:
    running.org.history_tracked.clear()
    lead = open_lead(running)
    before = running.org.tables["Lead"][lead]["Status"]
    pull(store, running.connect())
    running.org.update("Lead", lead, {"Status": "Proposal" if before != "Proposal" else "Demo"})
    pull(store, running.connect())
    pull(store, running.connect())

    last = store.stage_changes_by_lead("salesforce")[lead][-1]

    assert (last.previous, last.stage) == (before, running.org.tables["Lead"][lead]["Status"])


def test_a_stage_change_that_the_history_tells_is_not_told_twice(running: RunningOrg, store: Store) -> None:
    running.org.history_tracked.add("Lead.Status")
    lead = open_lead(running)
    pull(store, running.connect())
    known = len(store.stage_changes_by_lead("salesforce").get(lead, ()))
    before = running.org.tables["Lead"][lead]["Status"]
    running.org.update("Lead", lead, {"Status": "Proposal" if before != "Proposal" else "Demo"})
    running.clock.ahead = timedelta(seconds=5)
    running.org.touch("Lead", lead)  # dated later than its history
    pull(store, running.connect())

    assert len(store.stage_changes_by_lead("salesforce")[lead]) == known + 1


def test_rows_that_share_a_stamp_are_all_read(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    for number in range(450):
        add_task(running, LONG_AGO, WhoId=lead, Description=f"the same second {number}")
    running.faults.page_rows, running.faults.short_pages, running.faults.locator_pages = 100, True, 2

    found = [text for text in texts(running, store, lead) if "the same second" in text]

    assert len(found) == 450


def test_a_row_that_is_committed_late_is_read(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    pull(store, running.connect())
    running.faults.late_commit_seconds = 180.0
    add_task(running, WhoId=lead, Description="stamped before, seen after")
    assert not any("stamped before" in text for text in texts(running, store, lead))
    running.clock.ahead = timedelta(seconds=181)

    assert any("stamped before" in text for text in texts(running, store, lead))


def test_a_field_that_is_hidden_is_left_out_and_the_rest_is_read(
    running: RunningOrg, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    lead = open_lead(running)
    add_task(running, WhoId=lead, Subject="Asked for a quote", Description="hidden words")
    running.org.hidden = frozenset({"Task.Description"})

    found = texts(running, store, lead)

    assert "Asked for a quote" in found
    assert not any("hidden words" in text for text in found)
    assert "Task.Description" in caplog.text


def test_a_hidden_field_without_which_a_row_means_nothing_is_named(running: RunningOrg) -> None:
    running.org.hidden = frozenset({"Task.WhoId"})
    with pytest.raises(SchemaError, match=r"Task\.WhoId"):
        read_all(running.connect())


@pytest.mark.parametrize("sobject", ["EmailMessage", "EmailMessageRelation", "ContentVersion", "Note", "LeadHistory"])
def test_an_object_that_is_off_is_left_out(running: RunningOrg, sobject: str, store: Store) -> None:
    running.org.hidden_objects = frozenset({sobject, "ContentDocument"} if sobject == "ContentVersion" else {sobject})

    pull(store, running.connect())
    pull(store, running.connect())

    assert store.list_leads("salesforce", *Outcome)


def test_chatter_posts_are_read_where_they_are_wanted(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    post = {"ParentId": lead, "Type": "TextPost", "Body": "<p>Their budget is approved</p>"}
    running.org.insert("FeedItem", post)
    running.org.insert("FeedItem", {**post, "Type": "TrackedChange", "Body": "Status was changed"})

    assert "Their budget is approved" not in texts(running, store, lead)
    pull(store, running.connect(chatter=True))
    found = [item.text for item in store.interactions_by_lead("salesforce")[lead]]
    assert "Their budget is approved" in found
    assert "Status was changed" not in found


def test_a_lead_is_read_again_by_its_id(running: RunningOrg, store: Store) -> None:
    whole = read_all(running.connect())
    lead = max({item.lead_id for item in whole.interactions}, key=str)

    page = running.connect().read_leads([lead, "00Q000000000000AAA"])

    assert [found.id for found in page.leads] == [lead]
    assert page.gone_leads == ("00Q000000000000AAA",)
    assert page.told_leads == (lead,)
    assert sorted(i.id for i in page.interactions) == sorted(i.id for i in whole.interactions if i.lead_id == lead)
    assert set(page.stage_changes) == {change for change in whole.stage_changes if change.lead_id == lead}


def test_every_interaction_is_read_again_by_its_id(running: RunningOrg) -> None:
    running.org.insert("Note", {"ParentId": open_lead(running), "Title": "Old", "Body": "A classic note"})
    whole = read_all(running.connect())
    by_prefix = {item.id[:3]: item for item in whole.interactions}
    assert by_prefix.keys() == {"00T", "00U", "02s", "069", "002"}

    for item in by_prefix.values():
        page = running.connect().read_interactions(item.kind, [item.id])

        assert set(page.interactions) == {other for other in whole.interactions if other.id == item.id}
        assert (item.kind, item.id) in page.told_interactions


def test_an_interaction_that_is_gone_is_told_to_be(running: RunningOrg) -> None:
    task = add_task(running, WhoId=open_lead(running))
    running.org.erase("Task", task)

    page = running.connect().read_interactions(InteractionKind.TASK, [task])

    assert page.interactions == ()
    assert (InteractionKind.CALL, task) in page.told_interactions


def test_a_position_in_what_is_no_longer_walked_begins_the_stream_anew(running: RunningOrg) -> None:
    connector = running.connect()
    since = NOW - timedelta(hours=1)
    position = "ContentVersion:2026-01-01T00:00:00.000Z|068000000000000AAA"
    assert connector._reader._notes.may_walk_links  # so that links are walked, and versions are not

    assert list(connector.read("late ties", since=since, position=position))[-1].position is None


def test_a_note_that_is_linked_while_everything_is_listed_is_found_by_the_next_pull(
    running: RunningOrg, store: Store
) -> None:
    lead = open_lead(running)
    note = add_note(running.org, "Late", b"linked in the middle", LONG_AGO)
    connector = running.connect()
    read = connector.read

    def link_meanwhile(stream: str, **place: Any) -> Iterator[Page]:
        if stream == "leads":
            link_file(running.org, note["ContentDocumentId"], lead)
            running.clock.ahead = timedelta(hours=3)  # a listing of everything takes its time
        return read(stream, **place)

    connector.read = link_meanwhile  # type: ignore[method-assign]  # something happens while it reads
    pull(store, connector, now=running.clock)
    assert not any("linked in the middle" in text for text in _held(store, lead))

    pull(store, running.connect(), now=running.clock)

    assert any("linked in the middle" in text for text in _held(store, lead))


def _held(store: Store, lead: str) -> list[str]:
    return [item.text for item in store.interactions_by_lead("salesforce").get(lead, [])]


def test_long_texts_of_ones_own_are_no_fields(running: RunningOrg) -> None:
    running.org.add_field("Lead", Field("Win_Loss_Notes__c", "textarea", length=32_000, custom=True), visible=True)
    running.org.add_field("Lead", Field("Team_Size__c", "double", custom=True), visible=True)

    fields = read_all(running.connect()).leads[0].fields

    assert "Team_Size" in fields
    assert "Win_Loss_Notes" not in fields


def test_fields_that_are_too_many_for_one_query_are_named(running: RunningOrg) -> None:
    for number in range(600):
        running.org.add_field(
            "Lead", Field(f"A_field_of_a_large_company_{number}__c", "double", custom=True), visible=True
        )
    with pytest.raises(SchemaError, match="excluded_fields"):
        running.connect().read_leads([open_lead(running)])


def test_a_query_that_takes_too_long_is_asked_in_smaller_parts(running: RunningOrg) -> None:
    whole = read_all(running.connect())
    connector = running.connect()
    asked: list[str] = []
    ask = connector._transport.query

    def impatient(soql: str, *, deleted: bool = False, repeats: bool = True) -> dict[str, Any]:
        asked.append(soql)
        if object_of(soql) == "Task" and "ORDER BY" in soql and "LIMIT" not in soql:
            from connectors.salesforce.replies import RefusedError

            raise RefusedError("Salesforce: GET queryAll Task: HTTP 400 QUERY_TIMEOUT", "QUERY_TIMEOUT")
        return ask(soql, deleted=deleted, repeats=repeats)

    connector._transport.query = impatient  # type: ignore[method-assign]  # the sandbox is never too slow

    assert read_all(connector) == whole
    assert any("LIMIT 2000" in soql for soql in asked)


def test_events_that_name_records_bring_what_the_org_holds(running: RunningOrg, store: Store) -> None:
    from connectors.events import Change, Event

    pull(store, running.connect())
    lead = open_lead(running)
    task = add_task(running, WhoId=lead, Description="told by a message")
    running.org.update("Lead", lead, {"Company": "Renamed"})
    store.receive(
        "salesforce",
        [
            Event("1", InteractionKind.TASK, task, Change.CHANGED, NOW),
            Event("2", "lead", lead, Change.CHANGED, NOW),
        ],
        NOW,
    )

    drain(store, running.connect())

    assert differences(store, running.org, running.connect()) == []


def test_a_mail_is_read_without_what_its_html_quotes(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    body = '<p>We sign on Monday</p><div class="gmail_quote"><p>Could you sign this month?</p></div>'
    add_email(running.org, lead, "Offer", body, NOW, incoming=True)

    found = [text for text in texts(running, store, lead) if "We sign on Monday" in text]

    assert found == ["Offer\nWe sign on Monday"]


def test_a_mail_that_goes_on_naming_a_lead_that_is_gone_keeps_nothing_of_it(running: RunningOrg, store: Store) -> None:
    lead = open_lead(running)
    mail = add_email(running.org, lead, "Offer", "<p>said to one who is gone</p>", NOW)
    pull(store, running.connect())
    table = running.org.tables["EmailMessageRelation"]
    relations = [row["Id"] for row in table.values() if row["EmailMessageId"] == mail["Id"]]
    running.org.delete("Lead", lead)
    pull(store, running.connect())
    running.clock.ahead = timedelta(hours=1)
    for relation in relations:  # some org may leave the relation as it was
        table[relation]["IsDeleted"] = False
    running.org.update("EmailMessage", mail["Id"], {"Subject": "Our offer"})
    pull(store, running.connect(), now=running.clock)

    assert lead not in store.interactions_by_lead("salesforce")
