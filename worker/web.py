"""The web application: takes in what CRMs tell, and answers at once; says how it is, and how things stand.

`uvicorn --factory worker.web:create_app` serves it. A delivery is checked, put into the inbox, and answered once it is
committed; it is looked at later. What is not for us is accepted too, for a CRM repeats everything that is refused.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.errors import InvalidRequestError
from connectors.hubspot.webhooks import is_signed, parse_delivery
from connectors.salesforce.webhooks import is_organization, is_token, parse_message, render_acknowledgement
from worker.bell import Bell, CeleryBell
from worker.deliveries import Deliveries
from worker.health import Probe, state_of_broker, tables_of
from worker.logs import SALESFORCE_PATH, configure_logs
from worker.metrics import render_metrics
from worker.settings import Settings
from worker.store import Store
from worker.wiring import build_store

logger = logging.getLogger(__name__)

# HubSpot sends at most 100 events at once, some 40 kB; Salesforce as many, of at most a few fields each.
_MAX_BODY_BYTES = 1_000_000
# Whoever asks whether we are well asks again soon, and takes no answer in time for a no.
_PATIENCE_SECONDS = 1.0
_FRESH_SECONDS = 5.0
_COUNTING_SECONDS = 10.0  # Prometheus itself gives up after ten
_TRY_AGAIN = {"Retry-After": "10"}


@dataclass(frozen=True, slots=True)
class SalesforceHook:
    """What an outbound message is checked against. `token` is the secret part of the address it is sent to."""

    token: SecretStr
    organization_id: str
    lead_object: str


@dataclass(frozen=True, slots=True)
class HubSpotHook:
    """What a delivery of HubSpot's is checked against. `url` is the address that HubSpot was told to call."""

    url: str
    secret: SecretStr
    lead_type: str
    portal_id: int | None = None


def create_app(bell: Bell | None = None) -> Starlette:
    """Return the application as the settings say; it rings by `bell`, or by Celery where there is a broker.

    Without either, what is told waits for the next `pull` or `sync --once`.
    """
    settings = Settings()
    configure_logs()
    hook = None
    hubspot = settings.hubspot
    if hubspot is not None and hubspot.webhook_secret is not None and settings.public_url is not None:
        url = settings.public_url.rstrip("/") + "/webhooks/hubspot"
        hook = HubSpotHook(url, hubspot.webhook_secret, hubspot.object, hubspot.portal_id)
    salesforce = None
    org = settings.salesforce
    if org is not None and org.webhook_token is not None and org.organization_id is not None:
        salesforce = SalesforceHook(org.webhook_token, org.organization_id, org.object)
    if bell is None and settings.broker_url.startswith(("redis://", "rediss://")):
        from worker.app import app as celery

        bell = CeleryBell(celery)
    return build_app(build_store(settings), hook, salesforce, bell=bell, broker_url=settings.broker_url)


def build_app(
    store: Store,
    hubspot: HubSpotHook | None = None,
    salesforce: SalesforceHook | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    bell: Bell | None = None,
    broker_url: str = "memory://",
) -> Starlette:
    """Return the application; a CRM that is not set up is answered 503, for the fault is ours."""

    deliveries = Deliveries(store, now, bell)
    tables = Probe(partial(tables_of, store), patience_seconds=_PATIENCE_SECONDS)
    broker = Probe(
        partial(state_of_broker, broker_url, timeout_seconds=_PATIENCE_SECONDS),
        patience_seconds=_PATIENCE_SECONDS,
        fresh_seconds=_FRESH_SECONDS,
    )
    metrics = Probe(lambda: render_metrics(store, now()), patience_seconds=_COUNTING_SECONDS)

    async def receive_hubspot(request: Request) -> Response:
        if hubspot is None:
            logger.error("a HubSpot webhook came, but HUBSPOT__WEBHOOK_SECRET or PUBLIC_URL is not set")
            return _answer(503, "webhooks are not set up here")
        try:
            body = await _read_body(request)
        except ClientDisconnect:
            return _answer(400, "the body is incomplete")
        if body is None:
            return _answer(413, f"more than {_MAX_BODY_BYTES} bytes")
        url = hubspot.url + (f"?{request.url.query}" if request.url.query else "")
        if not is_signed(
            hubspot.secret.get_secret_value(),
            request.method,
            url,
            body,
            signature=request.headers.get("x-hubspot-signature-v3"),
            timestamp=request.headers.get("x-hubspot-request-timestamp"),
            now=now(),
        ):
            logger.warning("refused a HubSpot webhook: its signature is not HubSpot's, or it is too old")
            return _answer(401, "not signed by HubSpot within the last five minutes")
        try:
            delivery = parse_delivery(body, hubspot.lead_type, hubspot.portal_id)
        except InvalidRequestError as error:
            logger.warning("refused a signed HubSpot webhook: %s", error)
            return _answer(400, str(error))
        if delivery.unreadable:
            logger.warning("%d events of a HubSpot webhook could not be read", delivery.unreadable)
        if not await deliveries.keep("hubspot", delivery.events):
            return _answer(503, "try again later", _TRY_AGAIN)
        return Response(status_code=204)

    async def receive_salesforce(request: Request) -> Response:
        if salesforce is None:
            logger.error("a Salesforce message came, but SALESFORCE__WEBHOOK_TOKEN is not set")
            return _acknowledge(503, kept=False)
        # Before the body is read: a stranger is to cost nothing.
        if not is_token(salesforce.token.get_secret_value(), request.path_params["token"]):
            logger.warning("refused a Salesforce message: the token in its address is not ours")
            return _acknowledge(404, kept=False)
        try:
            body = await _read_body(request)
        except ClientDisconnect:
            return _acknowledge(400, kept=False)
        if body is None:
            return _acknowledge(413, kept=False)
        try:
            delivery = parse_message(body, salesforce.lead_object, now())
        except InvalidRequestError as error:
            logger.warning("refused a Salesforce message: %s", error)
            return _acknowledge(400, kept=False)
        if not is_organization(salesforce.organization_id, delivery.organization_id):
            logger.warning("refused a Salesforce message: it is another organisation's")
            return _acknowledge(403, kept=False)
        if delivery.ignored:
            logger.warning("%d notifications of a Salesforce message are nothing to us", delivery.ignored)
        if not await deliveries.keep("salesforce", delivery.events):
            return _acknowledge(503, kept=False, headers=_TRY_AGAIN)
        return _acknowledge(200, kept=True)

    async def say_alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def say_ready(_: Request) -> Response:
        age, answers = await asyncio.gather(tables.find(), broker.find())
        state = {"database": "down" if age is None else "ok", "broker": answers or "down", "tables": age or "unknown"}
        # Without a broker nothing is lost, only later: the sweeper rings.
        return JSONResponse(state, 503 if age in (None, "old") else 200)

    async def show_metrics(_: Request) -> Response:
        try:
            text = await metrics.find()
        except SQLAlchemyError as error:
            logger.error("could not count how things stand: %s", type(error).__name__)
            text = None
        if text is None:
            return _answer(503, "the database does not answer", _TRY_AGAIN)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/webhooks/hubspot", receive_hubspot, methods=["POST"]),
            Route(SALESFORCE_PATH + "{token}", receive_salesforce, methods=["POST"]),
            Route("/healthz", say_alive),
            Route("/readyz", say_ready),
            Route("/metrics", show_metrics),
        ]
    )


def _acknowledge(status: int, *, kept: bool, headers: Mapping[str, str] | None = None) -> Response:
    """Answer in the one form that Salesforce understands: whatever is not said to be kept is sent again."""
    return Response(render_acknowledgement(kept=kept), status, headers, media_type="text/xml")


async def _read_body(request: Request) -> bytes | None:
    """Return the raw body, or None as soon as it is too long, whatever its header says."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return None
    return bytes(body)


def _answer(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)
