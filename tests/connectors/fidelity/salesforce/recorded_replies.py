"""Asks a sandbox org what a real one was asked."""

from typing import Any
from urllib.parse import quote

from starlette.testclient import TestClient

from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, build_app
from tests.connectors.fidelity.salesforce.recorded import COMPARED_HEADERS, Interaction, Org


def answer(item: Interaction) -> tuple[int, Any, frozenset[str]]:
    """Return the status, the reply and the headers that a fresh org answers a recorded request with."""
    org = Org()
    item.prepare(org)
    client = TestClient(build_app(org.records, org.faults))
    form = {"grant_type": "client_credentials"}
    token = client.post("/services/oauth2/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET)).json()
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    job = ""
    for method, path, body in (*item.before, (item.method, item.path, item.body)):
        where = org.translate(path.replace("{id}", job))
        start, mark, query = where.partition("?q=")
        where = f"{start}{mark}{query if '%' in query else quote(query)}"
        sent: dict[str, Any] = {"content": body} if isinstance(body, str) else {}
        if isinstance(body, (dict, list)):
            sent = {"json": org.translate(body)}
        reply = client.request(method, where, **sent)
        if reply.content and reply.headers["content-type"].startswith("application/json"):
            document = reply.json()
            job = document.get("id", job) if isinstance(document, dict) else job
    headers = frozenset(map(str.lower, reply.headers)) & COMPARED_HEADERS
    if item.text:
        return reply.status_code, reply.text, headers
    return reply.status_code, reply.json() if reply.content else None, headers
