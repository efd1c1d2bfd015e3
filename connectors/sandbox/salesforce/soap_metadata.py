"""How far a deployment is, asked over SOAP: some clients start it over REST and ask after it here.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_checkdeploystatus.htm
"""

from typing import Any
from xml.sax.saxutils import escape

from connectors.sandbox.salesforce.calls import Refusal, Reply
from connectors.sandbox.salesforce.deploy_calls import DeployCalls
from connectors.sandbox.salesforce.soap import SOAP_XML, read_soap, refuse_unreadable
from connectors.sandbox.salesforce.tokens import Sessions

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="http://soap.sforce.com/2006/04/metadata"'
    ' xmlns="http://soap.sforce.com/2006/04/metadata"><soapenv:Body>{}</soapenv:Body></soapenv:Envelope>'
)


def answer_metadata(sessions: Sessions, deploys: DeployCalls, raw: bytes) -> Reply:
    """Answer `checkDeployStatus`, the one call of the SOAP Metadata API that there is here."""
    root = read_soap(raw)
    if root is None:
        return refuse_unreadable()
    texts = {element.tag.rpartition("}")[2].lower(): (element.text or "").strip() for element in root.iter()}
    try:
        sessions.use(f"Bearer {texts.get('sessionid', '')}")
        if "checkdeploystatus" not in texts:
            raise Refusal("INVALID_OPERATION", "Only checkDeployStatus is known")
        details = texts.get("includedetails", "").lower() == "true"
        result = deploys.proceed(texts.get("asyncprocessid", texts.get("id", "")), details=details)
    except Refusal as refusal:
        return _fault(refusal)
    body = f"<checkDeployStatusResponse><result>{_render(result)}</result></checkDeployStatusResponse>"
    return Reply(content=_ENVELOPE.format(body).encode(), media_type=SOAP_XML)


def _render(values: dict[str, Any]) -> str:
    """Return values as elements; a list repeats its element."""
    parts = []
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            text = _render(item) if isinstance(item, dict) else escape(_spell(item))
            parts.append(f"<{name}>{text}</{name}>")
    return "".join(parts)


def _spell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fault(refusal: Refusal) -> Reply:
    body = (
        f"<soapenv:Fault><faultcode>sf:{refusal.code}</faultcode>"
        f"<faultstring>{refusal.code}: {escape(str(refusal))}</faultstring></soapenv:Fault>"
    )
    return Reply(content=_ENVELOPE.format(body).encode(), status=500, media_type=SOAP_XML)
