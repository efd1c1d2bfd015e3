"""A small portal for every test, behind one server for all of them."""

from collections.abc import Iterator

import httpx
import pytest

from connectors.sandbox.server import SandboxServer
from tests.connectors.sandbox.portal import Portal, Switch


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with SandboxServer(switch) as server:
        yield switch, server.url


@pytest.fixture
def portal(_server: tuple[Switch, str]) -> Iterator[Portal]:
    switch, url = _server
    with httpx.Client(base_url=url, headers={"Authorization": "Bearer sandbox"}) as client:
        yield Portal(switch, client)
