"""An org as the tests of the sandbox see it: asked over HTTP, with its insides and its clock at hand."""

from typing import Any

import httpx

from connectors.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, SalesforceFaults, SalesforceOrg, build_app
from tests.connectors.sandbox.portal import Clock, Switch

DATA = "/services/data/v64.0"
KEEP_OWNER = {"Sforce-Auto-Assign": "FALSE"}


class Running:
    """An org without leads, and a client of it that is logged in."""

    def __init__(self, switch: Switch, client: httpx.Client) -> None:
        self.clock = Clock()
        self.org = SalesforceOrg(self.clock)
        self.faults = SalesforceFaults()
        self.client = client
        switch.app = build_app(self.org, self.faults)
        self.log_in()

    def log_in(self) -> None:
        self.client.headers["Authorization"] = f"Bearer {self.token().json()['access_token']}"

    def token(self, secret: str = CLIENT_SECRET) -> httpx.Response:
        form = {"grant_type": "client_credentials"}
        return self.client.post("/services/oauth2/token", data=form, auth=(CLIENT_ID, secret))

    def add_lead(self, **values: Any) -> str:
        """Add a lead as a rep would; return its id."""
        row = self.org.insert("Lead", {"LastName": "Lovelace", "Company": "Engines", **values})
        return str(row["Id"])

    def add_leads(self, count: int) -> list[str]:
        return [self.add_lead(LastName=f"L{number}") for number in range(count)]

    def lead(self, id_: str) -> dict[str, Any]:
        return self.org.tables["Lead"][id_]

    def query(self, soql: str, *, resource: str = "query", **headers: str) -> httpx.Response:
        return self.client.get(f"{DATA}/{resource}", params={"q": soql}, headers=headers)

    def rows(self, soql: str, *, resource: str = "query") -> list[dict[str, Any]]:
        """Return the records of a query's first page, without their attributes."""
        records = self.query(soql, resource=resource).json()["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in records]

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"{DATA}/{path}", params=query)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.client.post(f"{DATA}/{path}", json=body, headers=headers)

    def patch(self, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.client.patch(f"{DATA}/{path}", json=body, headers=headers)

    def delete(self, path: str, **query: Any) -> httpx.Response:
        return self.client.delete(f"{DATA}/{path}", params=query)

    def write(self, *records: dict[str, Any], all_or_none: bool = False) -> Any:
        """Update Leads as a collection, without the assignment rule; return the outcomes."""
        rows = [{"attributes": {"type": "Lead"}, **record} for record in records]
        body = {"allOrNone": all_or_none, "records": rows}
        return self.patch("composite/sobjects", body, KEEP_OWNER).json()

    def refusal(self, id_: str, **values: Any) -> tuple[str, str]:
        """Write values to one Lead that are refused; return the code and the message."""
        (result,) = self.write({"id": id_, **values})
        error = result["errors"][0]
        return error["statusCode"], error["message"]


def error_of(reply: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal."""
    return reply.status_code, reply.json()[0]["errorCode"]
