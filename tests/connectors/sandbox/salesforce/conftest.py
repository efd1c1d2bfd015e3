"""A small org for every test, behind the one server of all of them."""

from collections.abc import Iterator

import httpx
import pytest

from tests.connectors.sandbox.portal import Switch
from tests.connectors.sandbox.salesforce.running import Running


@pytest.fixture
def running(_server: tuple[Switch, str]) -> Iterator[Running]:
    switch, url = _server
    with httpx.Client(base_url=url) as client:
        yield Running(switch, client)
