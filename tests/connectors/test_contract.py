"""What every connector must do, run over all of them; HubSpot and Salesforce through their real clients over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Connector, Page
from connectors.lead import InteractionKind, Lead, Outcome
from connectors.memory import InMemoryConnector
from connectors.priority import Band, Priority, PriorityStatus
from tests.sandboxes import sandbox

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)


@pytest.fixture(scope="module", params=["memory", "hubspot", "hubspot 2026-03", "hubspot 2026-09", "salesforce"])
def connector(request: pytest.FixtureRequest) -> Iterator[Connector]:
    crm, _, version = request.param.partition(" ")
    if crm != "memory":
        with sandbox(crm) as running:
            yield running.connect_hubspot(api_version=version) if version else running.connector
        return
    with sandbox("hubspot") as running:
        source = running.connector
        pages = [page for stream in source.streams for page in source.read(stream)]
        yield InMemoryConnector(
            source.list_stages(),
            [lead for page in pages for lead in page.leads],
            [item for page in pages for item in page.interactions],
            [change for page in pages for change in page.stage_changes],
        )


def read_all(connector: Connector, since: datetime | None = None) -> Page:
    pages = [page for stream in connector.streams for page in connector.read(stream, since=since)]
    return Page(
        tuple(lead for page in pages for lead in page.leads),
        tuple(item for page in pages for item in page.interactions),
        tuple(change for page in pages for change in page.stage_changes),
    )


def priority(lead: Lead, rank: int) -> Priority:
    return Priority(lead.id, Band.A, 71.5, rank, rank, 'For: "ça va"', PriorityStatus.RANKED, "test-1", NOW)


def test_every_lead_is_read_once(connector: Connector) -> None:
    leads = read_all(connector).leads

    assert len(leads) == 122
    assert len({lead.id for lead in leads}) == 122


def test_all_kinds_of_interaction_that_the_organisation_has_are_read(connector: Connector) -> None:
    assert {item.kind for item in read_all(connector).interactions} == set(InteractionKind) - {InteractionKind.MESSAGE}


def test_interactions_belong_to_leads_and_carry_zoned_times(connector: Connector) -> None:
    page = read_all(connector)
    known = {lead.id for lead in page.leads}

    assert {item.lead_id for item in page.interactions} <= known
    assert all(item.created_at.tzinfo is not None for item in page.interactions)


def test_mails_come_without_signature_and_quoted_reply(connector: Connector) -> None:
    mails = [item for item in read_all(connector).interactions if item.kind is InteractionKind.EMAIL and item.inbound]

    assert mails
    assert not any("<" in mail.text for mail in mails)
    assert not any("gmail_quote" in mail.text for mail in mails)


def test_stages_say_which_of_them_are_the_end(connector: Connector) -> None:
    outcomes = [stage.outcome for stage in connector.list_stages()]

    assert outcomes.count(Outcome.WON) == outcomes.count(Outcome.LOST) == 1
    assert outcomes.count(Outcome.OPEN) == 5


def test_stage_history_ends_where_the_lead_stands(connector: Connector) -> None:
    page = read_all(connector)
    latest = {change.lead_id: change.stage for change in sorted(page.stage_changes, key=lambda c: c.changed_at)}

    moved = [lead for lead in page.leads if lead.outcome is not Outcome.OPEN]
    assert moved
    assert all(latest[lead.id] == lead.stage for lead in moved)


def test_a_broken_read_goes_on_from_the_position_of_the_last_page(connector: Connector) -> None:
    stream = next(name for name in connector.streams if name.endswith(("leads", "contacts", "Lead")))
    whole = [lead.id for page in connector.read(stream) for lead in page.leads]
    first = next(iter(connector.read(stream)))
    rest = (
        [lead.id for page in connector.read(stream, position=first.position) for lead in page.leads]
        if first.position
        else []
    )

    assert set(whole) == {lead.id for lead in first.leads} | set(rest)


def test_setup_creates_the_fields_once(connector: Connector) -> None:
    connector.setup()

    assert all(step.exists for step in connector.setup(check_only=True))


def test_a_written_priority_can_be_sorted_by_in_the_crm(connector: Connector) -> None:
    connector.setup()
    stage = connector.list_stages()[1].id
    leads = [lead for lead in read_all(connector).leads if lead.stage == stage][:4]

    outcomes = connector.write_priorities([priority(lead, 10 - place) for place, lead in enumerate(leads)])

    assert all(outcome.written for outcome in outcomes)
    listed = connector.list_by_rank(stage)
    assert [row.lead_id for row in listed] == [lead.id for lead in reversed(leads)]
    assert (listed[0].band, listed[0].score, listed[0].reason) == ("A", 71.5, 'For: "ça va"')


def test_the_crm_says_which_values_it_shows(connector: Connector) -> None:
    connector.setup()
    one, other, third = [lead for lead in read_all(connector).leads if lead.outcome is Outcome.OPEN][4:7]
    shown = [replace(priority(one, 1), reason=""), priority(other, 2), priority(third, 3)]
    connector.write_priorities(shown)
    gone = replace(priority(one, 1), lead_id="00Q000000000999AAA" if connector.name == "salesforce" else "999999999")

    assert connector.list_shown([*shown, gone]) == {one.id, other.id, third.id}
    assert connector.list_shown([replace(item, ranked_at=NOW - timedelta(days=1)) for item in shown]) == {
        item.lead_id for item in shown
    }


@pytest.mark.parametrize(
    "change",
    [
        {"band": Band.B},
        {"score": 71.4},
        {"rank": 7},
        {"call_order": 7},
        {"reason": ""},
        {"status": PriorityStatus.BASE},
        {"model_version": "test-2"},
    ],
)
def test_a_value_that_differs_anywhere_is_not_shown(connector: Connector, change: dict[str, Any]) -> None:
    connector.setup()
    lead = [lead for lead in read_all(connector).leads if lead.outcome is Outcome.OPEN][7]
    connector.write_priorities([priority(lead, 1)])

    assert connector.list_shown([replace(priority(lead, 1), **change)]) == set()


def test_a_lead_that_was_never_written_shows_nothing(connector: Connector) -> None:
    connector.setup()
    closed = next(lead for lead in read_all(connector).leads if lead.outcome is Outcome.LOST)

    assert connector.list_shown([priority(closed, 1)]) == set()


def test_every_record_gets_an_outcome_in_the_given_order(connector: Connector) -> None:
    connector.setup()
    good = read_all(connector).leads[0]
    open_leads = [lead for lead in read_all(connector).leads if lead.outcome is Outcome.OPEN]
    missing = Lead("999999999", "nobody", good.stage, Outcome.OPEN, None, NOW, NOW)

    outcomes = connector.write_priorities(
        [priority(open_leads[0], 1), priority(missing, 2), priority(open_leads[1], 3)]
    )

    assert [outcome.written for outcome in outcomes] == [True, False, True]
    assert outcomes[1].detail


def test_leads_beyond_the_first_batch_are_written_too(connector: Connector) -> None:
    connector.setup()
    leads = sorted(read_all(connector).leads, key=lambda lead: lead.outcome is Outcome.OPEN)  # open ones last

    outcomes = connector.write_priorities([priority(lead, place) for place, lead in enumerate(leads, start=1)])

    assert [outcome.lead_id for outcome in outcomes] == [lead.id for lead in leads]
    # Salesforce takes no change to a converted lead.
    writable = [connector.name != "salesforce" or lead.outcome is not Outcome.WON for lead in leads]
    assert [outcome.written for outcome in outcomes] == writable
    shown = [row for stage in connector.list_stages() for row in connector.list_by_rank(stage.id)]
    assert {lead.id for lead in leads if lead.outcome is Outcome.OPEN} <= {row.lead_id for row in shown}


def test_only_what_changed_since_is_read(connector: Connector) -> None:
    connector.setup()

    changed = read_all(connector, since=NOW + timedelta(days=1))

    assert changed.interactions == ()
