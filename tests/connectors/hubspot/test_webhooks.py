"""Is a request HubSpot's, and what does it say?"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hubspot.utils.signature import Signature

from connectors.errors import InvalidRequestError
from connectors.events import Change
from connectors.hubspot.webhooks import is_signed, parse_delivery
from connectors.lead import InteractionKind

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"
BODY = b"{'example_field':'example_value'}"
VECTORS = [
    ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
    ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
]


def sent_at(timestamp: str) -> datetime:
    return datetime.fromtimestamp(int(timestamp) / 1000, UTC)


def signed(url: str = URL, body: bytes = BODY, method: str = "POST", **headers: str | None) -> bool:
    timestamp, signature = VECTORS[0]
    known = {"timestamp": timestamp, "signature": signature} | headers
    return is_signed(SECRET, method, url, body, now=sent_at(timestamp), **known)


@pytest.mark.parametrize(("timestamp", "signature"), VECTORS)
def test_the_known_vectors_are_hubspots(timestamp: str, signature: str) -> None:
    assert is_signed(SECRET, "POST", URL, BODY, signature=signature, timestamp=timestamp, now=sent_at(timestamp))


@pytest.mark.parametrize("url", [URL, URL + "?a=1&b=x%20y", "https://example.com/ä"])
def test_the_vendors_helper_agrees(url: str) -> None:
    timestamp = str(int(datetime.now(UTC).timestamp() * 1000))
    made = Signature.get_signature(SECRET, "[]", "v3", http_uri=url, http_method="POST", timestamp=timestamp)

    assert is_signed(SECRET, "POST", url, b"[]", signature=made, timestamp=timestamp, now=datetime.now(UTC))


def test_an_address_is_decoded_as_hubspot_decodes_it() -> None:
    timestamp = VECTORS[0][0]
    made = Signature.get_signature(
        SECRET, "[]", "v3", http_uri="https://x.example/a?b=c:d/e", http_method="POST", timestamp=timestamp
    )

    url = "https://x.example/a?b=c%3Ad%2fe"
    assert is_signed(SECRET, "POST", url, b"[]", signature=made, timestamp=timestamp, now=sent_at(timestamp))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_what_is_too_old_or_from_the_future_is_refused(minutes: int) -> None:
    timestamp, signature = VECTORS[0]
    now = sent_at(timestamp) + timedelta(minutes=minutes)

    assert not is_signed(SECRET, "POST", URL, BODY, signature=signature, timestamp=timestamp, now=now)


def test_what_differs_in_anything_is_refused() -> None:
    assert signed()
    assert not signed(body=BODY + b" ")
    assert not signed(url=URL + "/")
    assert not signed(method="PUT")
    assert not signed(timestamp="1693657560001")


@pytest.mark.parametrize("header", [None, "", "é", "\udcff", "not base64"])
def test_odd_headers_are_refused(header: str | None) -> None:
    assert not signed(signature=header)
    assert not signed(timestamp=header)
    assert not signed(timestamp="9" * 40)


def event(**members: object) -> dict[str, object]:
    known = {"eventId": 100, "subscriptionId": 1, "portalId": 62515, "appId": 54321, "occurredAt": 1700000300000}
    return {**known, "attemptNumber": 0, **members}


def parsed(*items: dict[str, object], lead_type: str = "contacts") -> list[tuple[str, str, Change]]:
    return [(e.subject, e.id, e.change) for e in parse_delivery(json.dumps(items).encode(), lead_type).events]


def test_leads_and_interactions_are_named() -> None:
    assert parsed(
        event(subscriptionType="object.creation", objectId=123, objectTypeId="0-46"),
        event(
            subscriptionType="contact.propertyChange", objectId=7, propertyName="hs_lead_status", propertyValue="WON"
        ),
    ) == [(InteractionKind.NOTE, "123", Change.CHANGED), ("lead", "7", Change.CHANGED)]


@pytest.mark.parametrize(("from_", "to"), [(("0-46", 1), ("0-1", 2)), (("0-1", 2), ("0-46", 1))])
def test_an_association_names_the_interaction_which_knows_all_its_leads(
    from_: tuple[str, int], to: tuple[str, int]
) -> None:
    item = event(
        subscriptionType="object.associationChange",
        fromObjectTypeId=from_[0],
        fromObjectId=from_[1],
        toObjectTypeId=to[0],
        toObjectId=to[1],
    )

    assert parsed(item) == [(InteractionKind.NOTE, "1", Change.CHANGED)]


def test_an_association_without_an_interaction_names_the_lead() -> None:
    item = event(
        subscriptionType="object.associationChange",
        fromObjectTypeId="0-1",
        fromObjectId=2,
        toObjectTypeId="0-2",  # a company
        toObjectId=3,
    )

    assert parsed(item) == [("lead", "2", Change.CHANGED)]


def test_a_merge_names_all_records() -> None:
    item = event(subscriptionType="contact.merge", objectId=1, primaryObjectId=1, mergedObjectIds=[2, 3], newObjectId=4)

    assert [id_ for _, id_, _ in parsed(item)] == ["1", "2", "3", "4"]


def test_a_privacy_deletion_erases() -> None:
    assert parsed(event(subscriptionType="contact.privacyDeletion", objectId=9)) == [("lead", "9", Change.ERASED)]


def test_what_is_not_ours_is_left_out() -> None:
    assert parsed(event(subscriptionType="company.creation", objectId=1)) == []
    assert parsed(event(subscriptionType="object.creation", objectId=1, objectTypeId="0-3")) == []
    assert parsed(event(subscriptionType="contact.conversation", objectId=1)) == []


def test_our_own_writes_come_back_as_nothing() -> None:
    changed = event(subscriptionType="contact.propertyChange", objectId=7, propertyName="callfirst_rank")

    assert parsed(changed) == []


def test_every_delivery_of_one_event_has_one_key() -> None:
    first = event(subscriptionType="object.creation", objectId=1, objectTypeId="0-46")
    again = {**first, "attemptNumber": 4}
    other = {**first, "objectId": 2}
    keys = [e.key for e in parse_delivery(json.dumps([first, again, other]).encode(), "contacts").events]

    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b"[1]",
        b"null",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_not_an_array_of_events_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="HubSpot webhook"):
        parse_delivery(body, "contacts")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"objectId": "x", "occurredAt": 1},
        {"objectId": 1, "occurredAt": "soon"},
        {"objectId": 1, "occurredAt": 1e300},
    ],
)
def test_an_event_that_cannot_be_read_costs_the_others_nothing(members: dict[str, object]) -> None:
    good = event(subscriptionType="contact.creation", objectId=7)
    body = json.dumps([{"subscriptionType": "contact.creation", **members}, good]).encode()
    delivery = parse_delivery(body, "contacts")

    assert [told.id for told in delivery.events] == ["7"]
    assert delivery.unreadable == 1


def test_what_another_portal_tells_is_left_out() -> None:
    body = json.dumps([event(subscriptionType="contact.privacyDeletion", objectId=7)]).encode()

    assert parse_delivery(body, "contacts", portal_id=1).events == ()
    assert len(parse_delivery(body, "contacts", portal_id=62515).events) == 1
