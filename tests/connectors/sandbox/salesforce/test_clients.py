"""simple-salesforce drives the org, over https that is led to loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, USERNAME
from connectors.sandbox.salesforce.tokens import PASSWORD, SECURITY_TOKEN
from tests.connectors.sandbox.salesforce.running import Running

pytestmark = pytest.mark.integration


class _ToLoopback(HTTPAdapter):
    """Leads every https address to the org, and tells it which host was meant."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._place = urlsplit(url)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        address = urlsplit(str(request.url))
        request.headers["X-Original-Host"] = address.netloc
        request.url = urlunsplit(address._replace(scheme=self._place.scheme, netloc=self._place.netloc))
        return super().send(request, **kwargs)


@pytest.fixture
def session(running: Running) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", _ToLoopback(str(running.client.base_url)))
        yield session


@pytest.fixture
def api(session: requests.Session) -> Any:
    credentials: dict[str, Any] = {"consumer_key": CLIENT_ID, "consumer_secret": CLIENT_SECRET}
    return Salesforce(**credentials, domain="acme.my", session=session, version="64.0")


def write_key(running: Running, folder: Path) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    running.org.certificates["consumer"] = public.decode()
    file = folder / "server.key"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return str(file)


@pytest.mark.parametrize("way", ["client credentials", "jwt", "password", "soap", "soap by organisation"])
def test_every_way_to_log_in_opens_a_session(
    running: Running, session: requests.Session, tmp_path: Path, way: str
) -> None:
    running.clock.now = running.clock.now.now(running.clock.now.tzinfo)  # the client signs with the time of day
    client = {"consumer_key": CLIENT_ID, "consumer_secret": CLIENT_SECRET}
    person = {"username": USERNAME, "password": PASSWORD}
    keys: dict[str, Any] = {
        "client credentials": {**client, "domain": "acme.my"},
        "jwt": {"username": USERNAME, "consumer_key": "consumer", "privatekey_file": write_key(running, tmp_path)},
        "password": {**person, **client},
        "soap": {**person, "security_token": SECURITY_TOKEN},
        "soap by organisation": {**person, "organizationId": "00DWs0000000001"},
    }[way]

    api = Salesforce(**keys, session=session, version="64.0")

    assert api.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


@pytest.mark.parametrize("keys", [{"security_token": "wrong"}, {"consumer_key": CLIENT_ID, "consumer_secret": "x"}])
def test_wrong_credentials_are_an_authentication_failure(session: requests.Session, keys: dict[str, Any]) -> None:
    with pytest.raises(SalesforceAuthenticationFailed):
        Salesforce(username=USERNAME, password=PASSWORD, **keys, session=session, version="64.0")


def test_the_client_pages_through_a_query(running: Running, api: Any) -> None:
    ids = running.add_leads(2_300)

    found = [row["Id"] for row in api.query_all_iter("SELECT Id, Description FROM Lead ORDER BY Id")]

    assert found == ids


def test_the_client_reads_deleted_rows(running: Running, api: Any) -> None:
    id_ = running.add_lead()
    running.org.delete("Lead", id_)

    assert api.query_all("SELECT Id FROM Lead", include_deleted=True)["records"][0]["Id"] == id_


def test_the_client_creates_reads_changes_and_deletes(api: Any) -> None:
    id_ = api.Lead.create({"LastName": "L", "Company": "C"})["id"]
    changed = api.Lead.update(id_, {"Title": "CTO"}, headers={"Sforce-Auto-Assign": "FALSE"})

    assert (changed, api.Lead.get(id_)["Title"], api.Lead.delete(id_)) == (204, "CTO", 204)


def test_the_client_describes(api: Any) -> None:
    assert {"Lead", "Task"} <= {item["name"] for item in api.describe()["sobjects"]}
    assert api.Lead.describe()["name"] == "Lead"
    assert api.Lead.metadata()["objectDescribe"]["keyPrefix"] == "00Q"


def test_the_client_knows_what_was_used_of_the_days_calls(api: Any) -> None:
    api.query("SELECT COUNT() FROM Lead")

    assert api.api_usage["api-usage"].total == 15_000


def test_the_client_writes_a_collection(running: Running, api: Any) -> None:
    id_ = running.add_lead()
    rows = [{"attributes": {"type": "Lead"}, "id": id_, "Title": "CTO"}]

    outcome = api.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": rows})

    assert outcome == [{"id": id_, "success": True, "errors": []}]


def test_the_client_queries_by_a_bulk_job(running: Running, api: Any) -> None:
    ids = running.add_leads(5)

    pages = list(api.bulk2.Lead.query("SELECT Id FROM Lead ORDER BY Id", max_records=2, wait=0.05))

    assert [line.strip('"') for page in pages for line in page.split()[1:]] == ids
    assert len(pages) == 3


def test_the_client_writes_by_a_bulk_job(running: Running, api: Any) -> None:
    id_ = running.add_lead()

    (outcome,) = api.bulk2.Lead.update(records=[{"Id": id_, "Title": "CTO"}], wait=0.05)

    assert outcome["numberRecordsProcessed"] == 1
    assert running.lead(id_)["Title"] == "CTO"


def test_the_client_renews_its_session_once_it_has_ended(running: Running, api: Any) -> None:
    running.add_lead()
    running.faults.session_requests = 2
    for _ in range(5):
        assert api.query("SELECT Id FROM Lead")["totalSize"] == 1


def test_the_client_gives_up_on_an_endless_401(running: Running, api: Any) -> None:
    running.faults.endless_401 = True

    with pytest.raises(SalesforceExpiredSession):
        api.query("SELECT Id FROM Lead")
