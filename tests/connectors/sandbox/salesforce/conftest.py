"""A small org for every test, on its own or behind the one server of all of them."""

from collections.abc import Iterator

import httpx
import pytest

from connectors.sandbox.salesforce import SalesforceOrg
from tests.connectors.sandbox.portal import Clock, Switch
from tests.connectors.sandbox.salesforce.running import Running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org(clock: Clock) -> SalesforceOrg:
    return SalesforceOrg(clock)


@pytest.fixture
def running(_server: tuple[Switch, str]) -> Iterator[Running]:
    switch, url = _server
    with httpx.Client(base_url=url) as client:
        yield Running(switch, client)
