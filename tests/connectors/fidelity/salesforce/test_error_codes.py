"""Every code with which the sandbox org refuses is one that Salesforce has published, or has a reason."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import simple_salesforce

from connectors.sandbox import salesforce
from connectors.sandbox.salesforce import org
from connectors.sandbox.server import SandboxServer
from tests.connectors.fidelity.salesforce import clients, node_packages, recorded_replies
from tests.connectors.fidelity.salesforce.recorded import iter_interactions
from tests.connectors.fidelity.salesforce.simple_scenario import Scenario
from tests.recordings import RECORDED

pytestmark = pytest.mark.integration

_SOURCES = Path(salesforce.__file__).parent
_CODE = re.compile(r"[A-Z]{2,}(?:_[A-Z]+)+|INVALIDENTITY")
# What is spelt like a code and is none: functions of SOQL, and a parser's words for a place in a document.
_NO_CODES = {"COUNT_DISTINCT", "DAY_ONLY", "HOUR_IN_DAY", "START_ARRAY", "START_OBJECT"} | {
    f"{unit}_{span}"
    for unit, spans in {
        "CALENDAR": ("MONTH", "QUARTER", "YEAR"),
        "FISCAL": ("MONTH", "QUARTER", "YEAR"),
        "DAY_IN": ("MONTH", "WEEK", "YEAR"),
        "WEEK_IN": ("MONTH", "YEAR"),
    }.items()
    for span in spans
}
_BULK = "https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch"
# What no enumeration holds, for those are of the SOAP APIs.
_WITH_A_REASON = {
    "API_ERROR": f"Bulk API 2.0's own: {_BULK}/bulk_common_errors.htm",
    "INVALIDENTITY": f"Bulk API 2.0's own, without an underscore: {_BULK}/bulk_common_errors.htm",
}
_OAUTH = {
    "invalid_client": "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
    "invalid_grant": "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
    "unsupported_grant_type": "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
    "invalid_client_id": "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm",
}


def _enumerated(wsdl: str, name: str) -> set[str]:
    """Return the values of an enumeration of a WSDL."""
    found = re.search(rf'simpleType name="{name}">(.*?)</(?:\w+:)?simpleType>', wsdl, re.DOTALL)
    assert found is not None, name
    return set(re.findall(r'enumeration value="(\w+)"', found[1]))


@cache
def _published() -> dict[str, set[str]]:
    """Return the codes that Salesforce has published, by where."""
    metadata = files(simple_salesforce).joinpath("metadata.wsdl").read_text()
    partner = (node_packages.install() / "node_modules/jsforce/src/api/soap/wsdl.xml").read_text()
    return {
        "StatusCode of the Metadata API": _enumerated(metadata, "StatusCode"),
        "StatusCode of the Partner API": _enumerated(partner, "StatusCode"),
        "ExceptionCode of the Partner API": _enumerated(partner, "ExceptionCode"),
    }


def _iter_constants(called: str | None = None) -> Iterator[str]:
    """Yield every text in the sandbox's source, or what calls of one name are given first."""
    for path in sorted(_SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if called is None and isinstance(node, ast.Constant):
                yield str(node.value)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == called:
                yield from (str(item.value) for item in node.args[:1] if isinstance(item, ast.Constant))


@cache
def _codes() -> frozenset[str]:
    """Return every code that the sandbox's source holds."""
    found = {text for text in _iter_constants() if _CODE.fullmatch(text)}
    return frozenset(found - _NO_CODES - set(salesforce.__all__) - set(org.__all__))


def _iter_seen(value: Any) -> Iterator[str]:
    """Yield the codes in what a client saw, wherever they stand."""
    match value:
        case dict():
            for key, item in value.items():
                yield from _iter_seen(item)
                if key == "sf__Error":
                    yield item.partition(":")[0]
        case list():
            for item in value:
                yield from _iter_seen(item)
        case str() if _CODE.fullmatch(value):
            yield value


@cache
def _seen() -> frozenset[str]:
    """Return every code that a client and the recorded requests are refused with."""
    records = clients.build_org()
    with SandboxServer(salesforce.build_app(records, salesforce.SalesforceFaults())) as server:
        seen = [Scenario(server.url, clients.build_plan(records)).run()]
    answers = [recorded_replies.answer(item)[1] for item in iter_interactions()] if RECORDED.is_dir() else []
    return frozenset(_iter_seen([*seen, *answers]))


def test_every_code_of_the_sandbox_is_salesforces() -> None:
    known = set().union(*_published().values()) | _WITH_A_REASON.keys()

    assert (_codes() | _seen()) - known == set()


def test_every_reason_is_still_needed() -> None:
    published = set().union(*_published().values())

    assert {code for code in _WITH_A_REASON if code in published or code not in _codes()} == set()


def test_what_is_seen_is_what_the_source_says() -> None:
    assert _seen() - _codes() == set()


def test_every_refusal_of_a_token_is_oauths() -> None:
    assert set(_iter_constants("TokenRefusal")) == _OAUTH.keys()


def test_what_was_looked_up_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    published = {where: len(_codes() & codes) for where, codes in _published().items()}

    with capsys.disabled():
        print(  # noqa: T201
            f"\ncodes of the sandbox: {len(_codes())}, of which {len(_seen())} were seen; {published},"
            f" with a reason {len(_WITH_A_REASON)}, OAuth's {len(_OAUTH)}"
        )
    assert len(_codes()) > 40
    assert len(_seen()) > 15
