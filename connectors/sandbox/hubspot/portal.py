"""A HubSpot portal on loopback: its CRM API as far as Callfirst and clients like it use it.

Shapes, status codes and limits follow recorded replies and HubSpot's documentation. Every request is checked as HubSpot
checks it, so that a connector that works here does not meet its first refusal in production.
"""

from starlette.applications import Starlette
from starlette.routing import Route as StarletteRoute

from connectors.sandbox.faults import Faults
from connectors.sandbox.hubspot.account_calls import AccountCalls
from connectors.sandbox.hubspot.association_calls import AssociationCalls
from connectors.sandbox.hubspot.faults import for_portal
from connectors.sandbox.hubspot.gateway import Gateway
from connectors.sandbox.hubspot.lists import ListCalls
from connectors.sandbox.hubspot.object_calls import ObjectCalls
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.property_calls import PropertyCalls
from connectors.sandbox.hubspot.routes import Route, Routes
from connectors.sandbox.hubspot.search_calls import SearchCalls
from connectors.sandbox.hubspot.tokens import Tokens


def build_app(objects: HubSpotObjects, faults: Faults) -> Starlette:
    """Return the portal as an ASGI application."""
    wanted = for_portal(faults)
    tokens = Tokens(objects.clock)
    records = ObjectCalls(objects, wanted)
    searches = SearchCalls(objects, wanted)
    ties = AssociationCalls(objects, wanted)
    properties = PropertyCalls(objects)
    lists = ListCalls(objects)
    account = AccountCalls(objects, wanted, tokens)
    routes = Routes(
        [
            Route("GET", "/objects/{type}", "read", records.list),
            Route("POST", "/objects/{type}", "write", records.create),
            Route("POST", "/objects/{type}/search", "read", searches.search),
            Route("POST", "/objects/{type}/merge", "write", records.merge),
            Route("POST", "/objects/{type}/gdpr-delete", "write", records.erase),
            Route("POST", "/objects/{type}/batch/read", "read", records.batch_read),
            Route("POST", "/objects/{type}/batch/update", "write", records.batch_update),
            Route("POST", "/objects/{type}/batch/create", "write", records.batch_create),
            Route("POST", "/objects/{type}/batch/archive", "write", records.batch_archive),
            Route("GET", "/objects/{type}/{id}", "read", records.get),
            Route("PATCH", "/objects/{type}/{id}", "write", records.update),
            Route("DELETE", "/objects/{type}/{id}", "write", records.archive),
            Route("GET", "/objects/{type}/{id}/associations/{other}", "read", ties.list),
            Route("PUT", "/objects/{type}/{id}/associations/{other}/{otherId}", "write", ties.add),
            Route("DELETE", "/objects/{type}/{id}/associations/{other}/{otherId}", "write", ties.remove),
            Route("PUT", "/objects/{type}/{id}/associations/default/{other}/{otherId}", "write", ties.add_default),
            Route("POST", "/associations/{type}/{other}/batch/read", "read", ties.batch_read),
            Route("POST", "/associations/{type}/{other}/batch/create", "write", ties.batch_create),
            Route("POST", "/associations/{type}/{other}/batch/associate/default", "write", ties.batch_default),
            Route("POST", "/associations/{type}/{other}/batch/archive", "write", ties.batch_archive),
            Route("GET", "/properties/{type}", "schema.read", properties.list),
            Route("POST", "/properties/{type}", "schema.write", properties.create),
            Route("POST", "/properties/{type}/batch/create", "schema.write", properties.batch_create),
            Route("GET", "/properties/{type}/groups", "schema.read", properties.list_groups),
            Route("POST", "/properties/{type}/groups", "schema.write", properties.create_group),
            Route("GET", "/properties/{type}/groups/{name}", "schema.read", properties.get_group),
            Route("GET", "/properties/{type}/{name}", "schema.read", properties.get),
            Route("PATCH", "/properties/{type}/{name}", "schema.write", properties.update),
            Route("DELETE", "/properties/{type}/{name}", "schema.write", properties.archive),
            Route("GET", "/pipelines/{type}", "read", account.list_pipelines),
            Route("GET", "/pipelines/{type}/{id}", "read", account.get_pipeline),
            Route("GET", "/pipelines/{type}/{id}/stages", "read", account.list_stages),
            Route("GET", "/owners", "crm.objects.owners.read", account.list_owners),
            Route("GET", "/owners/{id}", "crm.objects.owners.read", account.get_owner),
            Route("POST", "/lists", "crm.lists.write", lists.create),
            Route("POST", "/lists/search", "crm.lists.read", lists.search),
            Route("GET", "/lists/{id}", "crm.lists.read", lists.get),
            Route("GET", "/lists/object-type-id/{typeId}/name/{name}", "crm.lists.read", lists.get_by_name),
            Route("GET", "/account-info/details", "any", account.details),
            Route("POST", "/oauth/token", "open", account.issue_token),
            Route("GET", "/oauth/v1/access-tokens/{token}", "open", account.describe_token),
            Route("POST", "/oauth/v2/private-apps/get/access-token-info", "any", account.describe_private_token),
        ]
    )
    return Starlette(routes=[StarletteRoute("/{path:path}", Gateway(routes, tokens, wanted, objects.lock))])
