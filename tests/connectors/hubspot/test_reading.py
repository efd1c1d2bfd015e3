"""What is read of a portal: every object as the lead, what is gone, what is tied late, and odd pages."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.base import Page
from connectors.errors import UnavailableError
from connectors.hubspot import HubSpotConnector
from connectors.lead import InteractionKind, Outcome
from connectors.sandbox.hubspot import HubSpotObjects
from connectors.times import render_time
from tests.connectors.hubspot.portals import differences, running_portal
from tests.connectors.test_contract import read_all
from tests.sandboxes import Sandbox, sandbox
from worker.pull import pull
from worker.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with sandbox("hubspot") as portal:
        yield portal


@pytest.fixture
def pulled(running: Sandbox, store: Store) -> Sandbox:
    pull(store, running.connector)
    return running


def add_note(objects: HubSpotObjects, body: str, *contacts: str) -> str:
    at = render_time(datetime.now(UTC))
    note = objects.create("notes", {"hs_note_body": body, "hs_timestamp": at})
    for contact in contacts:
        objects.associate("notes", note.id, "contacts", contact)
    return note.id


def texts_of(store: Store, lead: str) -> list[str]:
    return [item.text for item in store.interactions_by_lead("hubspot").get(lead, [])]


@pytest.mark.parametrize("object_type", ["contacts", "deals", "leads"])
def test_each_object_can_be_the_lead(object_type: str, store: Store) -> None:
    with running_portal(object_type=object_type) as running:
        pull(store, running.connect_hubspot(object=object_type))

        quiet = running.connect_hubspot(object=object_type)
        assert differences(store, running.portal, quiet, object_type) == []
        outcomes = {lead.outcome for lead in store.list_leads("hubspot", *Outcome)}
        assert outcomes == set(Outcome)


def test_a_pipeline_says_which_stages_are_won_and_lost() -> None:
    with running_portal(object_type="deals") as running:
        stages = running.connect_hubspot(object="deals").list_stages()

    assert {stage.outcome for stage in stages} == set(Outcome)
    assert [stage.position for stage in stages] == list(range(len(stages)))


def test_a_deleted_lead_goes_with_all_that_belongs_to_it(pulled: Sandbox, store: Store) -> None:
    lead = next(lead for lead in store.list_leads("hubspot", *Outcome) if texts_of(store, lead.id))
    pulled.portal.archive("contacts", lead.id)

    report = pull(store, pulled.connector)

    assert report.removed > 1
    assert lead.id not in {found.id for found in store.list_leads("hubspot", *Outcome)}
    assert texts_of(store, lead.id) == []


def test_a_deleted_note_goes(pulled: Sandbox, store: Store) -> None:
    note = pulled.portal.ids["notes"][0]
    pulled.portal.archive("notes", str(note))

    pull(store, pulled.connector)

    assert differences(store, pulled.portal, pulled.connect_hubspot()) == []


def test_a_merged_lead_hands_its_notes_to_the_one_it_went_into(pulled: Sandbox, store: Store) -> None:
    winner, loser = (pulled.portal.records["contacts"][str(id_)] for id_ in pulled.portal.ids["contacts"][:2])
    add_note(pulled.portal, "said to the one that is merged away", loser.id)
    pull(store, pulled.connector)
    pulled.portal.merge("contacts", winner, loser)

    pull(store, pulled.connector)

    assert "said to the one that is merged away" in texts_of(store, winner.id)
    assert texts_of(store, loser.id) == []
    assert differences(store, pulled.portal, pulled.connect_hubspot()) == []


def test_a_lead_that_went_into_one_that_was_then_deleted_goes_too(pulled: Sandbox, store: Store) -> None:
    winner, loser = (pulled.portal.records["contacts"][str(id_)] for id_ in pulled.portal.ids["contacts"][:2])
    pulled.portal.merge("contacts", winner, loser)
    pulled.portal.archive("contacts", winner.id)

    pull(store, pulled.connector)

    assert differences(store, pulled.portal, pulled.connect_hubspot()) == []


def test_a_note_that_is_tied_long_after_it_was_read_is_found(pulled: Sandbox, store: Store) -> None:
    first, second = (str(id_) for id_ in pulled.portal.ids["contacts"][:2])
    note = add_note(pulled.portal, "belongs to nobody yet")
    pull(store, pulled.connector)
    pulled.portal.associate("notes", note, "contacts", first)
    pulled.portal.associate("notes", note, "contacts", second)

    pull(store, pulled.connector)

    assert "belongs to nobody yet" in texts_of(store, first)
    assert "belongs to nobody yet" in texts_of(store, second)


def test_a_note_that_is_untied_goes(pulled: Sandbox, store: Store) -> None:
    contact = str(pulled.portal.ids["contacts"][0])
    note = add_note(pulled.portal, "on the wrong lead", contact)
    pull(store, pulled.connector)
    pulled.portal.dissociate("notes", note, "contacts", contact)

    pull(store, pulled.connector)

    assert "on the wrong lead" not in texts_of(store, contact)


def test_a_full_pull_finds_what_was_erased_without_a_trace(pulled: Sandbox, store: Store) -> None:
    contact = str(pulled.portal.ids["contacts"][0])
    pulled.portal.erase("contacts", contact)
    pull(store, pulled.connector)
    assert contact in {lead.id for lead in store.list_leads("hubspot", *Outcome)}  # no search and no bin tells

    pull(store, pulled.connector, full=True)

    assert contact not in {lead.id for lead in store.list_leads("hubspot", *Outcome)}


def test_everything_is_listed_again_after_a_week(pulled: Sandbox, store: Store) -> None:
    contact = str(pulled.portal.ids["contacts"][0])
    pulled.portal.erase("contacts", contact)
    pull(store, pulled.connector, now=lambda: datetime.now(UTC) + timedelta(days=6))
    assert contact in {lead.id for lead in store.list_leads("hubspot", *Outcome)}

    pull(store, pulled.connector, now=lambda: datetime.now(UTC) + timedelta(days=7))

    assert contact not in {lead.id for lead in store.list_leads("hubspot", *Outcome)}


def test_messages_are_read(running: Sandbox, store: Store) -> None:
    contact = str(running.portal.ids["contacts"][0])
    at = render_time(datetime.now(UTC))
    message = running.portal.create("communications", {"hs_communication_body": "ok via whatsapp", "hs_timestamp": at})
    running.portal.associate("communications", message.id, "contacts", contact)

    pull(store, running.connector)

    found = store.interactions_by_lead("hubspot")[contact]
    assert [item.text for item in found if item.kind is InteractionKind.MESSAGE] == ["ok via whatsapp"]


def test_fifteen_thousand_rows_of_one_moment_are_all_read(store: Store) -> None:
    with running_portal(contacts=0) as running:
        now = datetime.now(UTC)
        for number in range(15_000):
            running.portal.create("contacts", {"lastname": f"L{number}", "hs_lead_status": "NEW"}, now)
        connector = running.connect_hubspot()
        ids = {lead.id for page in connector.read("contacts", since=now - timedelta(hours=1)) for lead in page.leads}

    assert len(ids) == 15_000


def test_more_properties_than_an_address_holds_are_read_too(running: Sandbox, store: Store) -> None:
    contact = str(running.portal.ids["contacts"][0])
    for number in range(400):
        name = f"a_rather_long_name_of_a_custom_property_{number}"
        wanted = {"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation"}
        running.portal.define(wanted)
    record = running.portal.records["contacts"][contact]
    running.portal.update("contacts", record, {"a_rather_long_name_of_a_custom_property_399": "x"})

    pull(store, running.connector)

    lead = next(lead for lead in store.list_leads("hubspot", *Outcome) if lead.id == contact)
    assert lead.fields["a_rather_long_name_of_a_custom_property_399"] == "x"
    assert len(store.list_leads("hubspot", *Outcome)) == len(running.portal.ids["contacts"])


@pytest.mark.parametrize("fault", ["short_pages", "duplicate_rows"])
@pytest.mark.parametrize("since_days", [None, 4_000])
def test_odd_pages_lose_nothing(running: Sandbox, fault: str, since_days: int | None) -> None:
    since = None if since_days is None else datetime.now(UTC) - timedelta(days=since_days)
    calm = ids_of(read_all(running.connector, since))
    setattr(running.faults, fault, True)

    assert ids_of(read_all(running.connect_hubspot(), since)) == calm


def ids_of(page: Page) -> tuple[set[str], set[tuple[str, str]]]:
    return {lead.id for lead in page.leads}, {(item.lead_id, item.id) for item in page.interactions}


def test_many_associations_of_one_lead_are_all_read(running: Sandbox) -> None:
    contact = str(running.portal.ids["contacts"][0])
    for number in range(620):
        add_note(running.portal, f"note {number}", contact)

    page = HubSpotConnector.read_leads(running.connect_hubspot(), [contact])

    assert sum(item.text.startswith("note ") for item in page.interactions) == 620


def test_an_id_that_was_merged_away_brings_the_lead_it_went_into(pulled: Sandbox) -> None:
    winner, loser = (pulled.portal.records["contacts"][str(id_)] for id_ in pulled.portal.ids["contacts"][:2])
    pulled.portal.merge("contacts", winner, loser)

    page = pulled.connect_hubspot().read_leads([loser.id])

    assert loser.id in page.gone_leads


def test_a_pull_that_is_broken_off_everywhere_ends_with_everything(running: Sandbox, tmp_path: Path) -> None:
    """Let the portal fail after one more call each time, so that every call is once the last."""
    store = Store(f"sqlite:///{tmp_path}/broken.db")
    store.upgrade()
    for allowed in range(1, 200):
        running.faults.requests, running.faults.fail_after = 0, allowed
        with suppress(UnavailableError):
            pull(store, running.connect_hubspot())
            break
    running.faults.fail_after = None
    assert differences(store, running.portal, running.connect_hubspot()) == []
    store.close()


def test_another_object_as_the_lead_is_read_from_the_start(store: Store) -> None:
    with running_portal(object_type="deals") as running:
        pull(store, running.connect_hubspot(object="contacts"))
        deals = running.connect_hubspot(object="deals")

        pull(store, deals)

        assert differences(store, running.portal, deals, "deals") == []


def test_a_clock_that_steps_back_while_all_is_listed_loses_nothing(running: Sandbox, store: Store) -> None:
    now = datetime.now(UTC)
    seconds = itertools.count()
    pull(store, running.connector, now=lambda: now - timedelta(seconds=next(seconds)))

    assert differences(store, running.portal, running.connect_hubspot()) == []


def test_a_listing_that_names_nothing_is_not_believed(pulled: Sandbox, store: Store) -> None:
    held = len(store.list_leads("hubspot", *Outcome))
    for contact in list(pulled.portal.ids["contacts"]):
        pulled.portal.erase("contacts", str(contact))

    pull(store, pulled.connector, full=True)

    assert len(store.list_leads("hubspot", *Outcome)) == held
