"""A Salesforce org on loopback: its REST API as far as Callfirst and clients like it use it.

Shapes, status codes and restrictions follow recorded replies and Salesforce's documentation. Every request is checked
as Salesforce checks it, so that a connector that works here does not meet its first refusal in production.
"""

from starlette.applications import Starlette
from starlette.routing import Route as StarletteRoute

from connectors.sandbox.faults import Faults
from connectors.sandbox.salesforce.bulk_ingest import IngestCalls
from connectors.sandbox.salesforce.bulk_query import BulkQueryCalls
from connectors.sandbox.salesforce.collection_calls import CollectionCalls
from connectors.sandbox.salesforce.composite_calls import CompositeCalls
from connectors.sandbox.salesforce.deploy_calls import DeployCalls
from connectors.sandbox.salesforce.faults import for_org
from connectors.sandbox.salesforce.gateway import Gateway
from connectors.sandbox.salesforce.object_calls import ObjectCalls
from connectors.sandbox.salesforce.org import SalesforceOrg
from connectors.sandbox.salesforce.query_calls import QueryCalls
from connectors.sandbox.salesforce.record_calls import RecordCalls
from connectors.sandbox.salesforce.routes import Route, Routes
from connectors.sandbox.salesforce.tokens import Sessions
from connectors.sandbox.salesforce.tooling_calls import ToolingCalls


def build_app(org: SalesforceOrg, faults: Faults) -> Starlette:
    """Return the org as an ASGI application; it misbehaves as the faults say from now on."""
    org.faults = for_org(faults)
    objects, queries, records = ObjectCalls(org), QueryCalls(org), RecordCalls(org)
    collections, deploys, tooling = CollectionCalls(org), DeployCalls(org), ToolingCalls(org)
    bulk, ingest, composite = BulkQueryCalls(org), IngestCalls(org), CompositeCalls()
    routes = Routes(
        [
            Route("GET", "", objects.resources),
            Route("GET", "limits", objects.limits),
            Route("GET", "query", queries.query),
            Route("GET", "query/{locator}", queries.query_more),
            Route("GET", "queryAll", queries.query_all),
            Route("GET", "queryAll/{locator}", queries.query_more),
            Route("GET", "sobjects", objects.list),
            Route("GET", "sobjects/{type}", records.summary),
            Route("POST", "sobjects/{type}", records.create),
            Route("GET", "sobjects/{type}/describe", objects.describe),
            Route("GET", "sobjects/{type}/deleted", objects.deleted),
            Route("GET", "sobjects/{type}/updated", objects.updated),
            Route("GET", "sobjects/{type}/{id}", records.get),
            Route("PATCH", "sobjects/{type}/{id}", records.update),
            Route("DELETE", "sobjects/{type}/{id}", records.delete),
            Route("GET", "sobjects/{type}/{id}/{field}", records.body),
            Route("PATCH", "sobjects/{type}/{field}/{value}", records.upsert),
            Route("POST", "composite", composite.run),
            Route("POST", "composite/batch", composite.run_batch),
            Route("POST", "composite/sobjects", collections.create),
            Route("PATCH", "composite/sobjects", collections.update),
            Route("DELETE", "composite/sobjects", collections.delete),
            Route("GET", "composite/sobjects/{type}", collections.retrieve),
            Route("POST", "composite/sobjects/{type}", collections.retrieve),
            Route("PATCH", "composite/sobjects/{type}/{field}", collections.upsert),
            Route("POST", "metadata/deployRequest", deploys.start),
            Route("GET", "metadata/deployRequest/{id}", deploys.status),
            Route("PATCH", "metadata/deployRequest/{id}", deploys.cancel),
            Route("GET", "tooling/query", queries.query),
            Route("POST", "tooling/sobjects/CustomField", tooling.create_field),
            Route("GET", "jobs/query", bulk.list),
            Route("POST", "jobs/query", bulk.create),
            Route("GET", "jobs/query/{id}", bulk.get),
            Route("PATCH", "jobs/query/{id}", bulk.abort),
            Route("DELETE", "jobs/query/{id}", bulk.delete),
            Route("GET", "jobs/query/{id}/results", bulk.results),
            Route("GET", "jobs/ingest", ingest.list),
            Route("POST", "jobs/ingest", ingest.create),
            Route("GET", "jobs/ingest/{id}", ingest.get),
            Route("PATCH", "jobs/ingest/{id}", ingest.set_state),
            Route("DELETE", "jobs/ingest/{id}", ingest.delete),
            Route("PUT", "jobs/ingest/{id}/batches", ingest.upload),
            Route("GET", "jobs/ingest/{id}/successfulResults", ingest.successful),
            Route("GET", "jobs/ingest/{id}/failedResults", ingest.failed),
            Route("GET", "jobs/ingest/{id}/unprocessedrecords", ingest.unprocessed),
        ]
    )
    composite.routes = routes
    return Starlette(
        routes=[StarletteRoute("/{path:path}", Gateway(org, Sessions(org), routes, objects.identity, deploys))]
    )
