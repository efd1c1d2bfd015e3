"""The two doors at which a session is asked for: OAuth's token endpoint, and the old SOAP login."""

from collections.abc import Mapping
from html import escape

from starlette.datastructures import Headers

from connectors.sandbox.salesforce.calls import Reply
from connectors.sandbox.salesforce.ids import ORG_ID
from connectors.sandbox.salesforce.org import USERNAME, SalesforceOrg
from connectors.sandbox.salesforce.soap import SOAP_XML, read_soap, refuse_unreadable
from connectors.sandbox.salesforce.tokens import Session, Sessions, TokenRefusal

# https://help.salesforce.com/s/articleView?id=release-notes.rn_api_upcoming_retirement_258rn.htm
_LAST_SOAP_LOGIN = 64.0
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns="urn:partner.soap.sforce.com"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>{}</soapenv:Body></soapenv:Envelope>'
)


def answer_token(
    org: SalesforceOrg, sessions: Sessions, form: Mapping[str, bytes], headers: Headers, origin: str
) -> Reply:
    """Answer a request for a token."""
    fields = {name: value.decode("utf-8", "replace") for name, value in form.items()}
    try:
        session = sessions.grant(fields, headers.get("authorization", ""))
    except TokenRefusal as refusal:
        return Reply({"error": refusal.error, "error_description": str(refusal)}, 400)
    return Reply(
        {
            "access_token": session.id,
            "signature": "c2FuZGJveCBzaWduYXR1cmU=",
            "scope": "api",
            "instance_url": origin,
            "id": f"https://login.salesforce.com/id/{ORG_ID}/{session.user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(org.clock().timestamp() * 1000)),
        }
    )


def answer_login(sessions: Sessions, version: str, raw: bytes, origin: str) -> Reply:
    """Answer a SOAP login, which versions after 64.0 no longer know."""
    if float(version or 0) > _LAST_SOAP_LOGIN:
        # The code and the wording are not confirmed.
        return _fault("UNSUPPORTED_API_VERSION", f"SOAP API login() is not available in version {version}")
    root = read_soap(raw)
    if root is None:
        return refuse_unreadable()
    texts = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    session = sessions.log_in(texts.get("username", ""), texts.get("password", ""))
    if session is None:
        return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
    return Reply(content=_ENVELOPE.format(_login(session, version, origin)).encode(), media_type=SOAP_XML)


def _login(session: Session, version: str, origin: str) -> str:
    server = f"{origin.replace('http://', 'https://')}/services/Soap/u/{version}/{ORG_ID[:15]}"
    metadata = server.replace("/Soap/u/", "/Soap/m/")
    return (
        f"<loginResponse><result><metadataServerUrl>{metadata}</metadataServerUrl>"
        "<passwordExpired>false</passwordExpired><sandbox>false</sandbox>"
        f"<serverUrl>{server}</serverUrl><sessionId>{session.id}</sessionId><userId>{session.user_id}</userId>"
        f"<userInfo><organizationId>{ORG_ID}</organizationId><sessionSecondsValid>7200</sessionSecondsValid>"
        f"<userId>{session.user_id}</userId><userName>{USERNAME}</userName></userInfo></result></loginResponse>"
    )


def _fault(code: str, message: str) -> Reply:
    text = escape(message)
    body = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {text}</faultstring><detail>"
        f'<sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{text}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    )
    return Reply(content=_ENVELOPE.format(body).encode(), status=500, media_type=SOAP_XML)
