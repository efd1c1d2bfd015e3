"""Settings of one HubSpot portal."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.hosts import check_crm_url
from connectors.hubspot.paths import ApiVersion


class HubSpotConfig(BaseModel):
    """A HubSpot portal: how to reach it, which of its objects is the lead, and what its stages mean.

    Calls are authorised by `access_token` (a private app or a service key), or by an OAuth app's `client_id`,
    `client_secret` and `refresh_token`. `webhook_secret` is the client secret of the app that sends webhooks. An app
    that is installed in several portals tells of all: with `portal_id` only this one's events count.

    `stage_property` holds a contact's stage; deals and leads have pipelines. `won` and `lost` name the stages that end
    a lead, and every other stage is ranked. Left out, a contact's are HubSpot's usual names, and a pipeline says itself
    which of its stages are closed.

    `calls_per_10_seconds` is what the portal allows; a fifth of it is left to others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    access_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    portal_id: int | None = None
    base_url: Annotated[str, AfterValidator(lambda url: check_crm_url(url, ("hubapi.com",)))] = "https://api.hubapi.com"
    api_version: ApiVersion = "v3"
    object: Literal["contacts", "deals", "leads"] = "contacts"
    stage_property: str = "hs_lead_status"
    won: tuple[str, ...] | None = None
    lost: tuple[str, ...] | None = None
    excluded_fields: tuple[str, ...] = ()
    # https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines: 100 on Free and Starter,
    # 190 on Professional and Enterprise, 250 with the API add-on, 110 for an OAuth app.
    calls_per_10_seconds: Annotated[int, Field(ge=10)] = 100
    # HubSpot allows 5 for the whole account, whoever makes them.
    searches_per_second: Annotated[int, Field(ge=2)] = 4

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if self.access_token is None and not (self.client_id and self.client_secret and self.refresh_token):
            raise ValueError("HUBSPOT__ACCESS_TOKEN is missing, or CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN together")
        return self
