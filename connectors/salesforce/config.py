"""Settings of one Salesforce org."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.hosts import check_crm_url

VENDOR_HOSTS = ("salesforce.com", "force.com")


class SalesforceConfig(BaseModel):
    """A Salesforce org: how to reach it, which of its objects is the lead, and which of its stages are the end.

    Calls are authorised, in the order in which they are to be preferred, by an External Client App's

    - `client_id` and `client_secret`: client credentials, run as the app's integration user;
    - `client_id`, `username` and `private_key_file`: a JWT, signed with the app's certificate;
    - `session_id`: a session that something else opened, until it expires;
    - `client_id`, `client_secret`, `username`, `password` and `security_token`: the password flow, which Salesforce
      blocks in new orgs; only for orgs that still need it.

    `lost` are API names of lead statuses that end a Lead; a converted Lead is won, and every other status is a stage
    that is ranked. An Opportunity's stages say themselves which of them are closed. `chatter` reads the posts on a
    lead's feed too. `daily_share` of the org's daily API calls is where we stop, for others need the rest.

    `webhook_token` and `organization_id` switch outbound messages on: the token is the secret part of their address.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    instance_url: Annotated[str, AfterValidator(lambda url: check_crm_url(url, VENDOR_HOSTS))]
    client_id: str | None = None
    client_secret: SecretStr | None = None
    username: str | None = None
    private_key_file: Path | None = None
    audience: Literal["https://login.salesforce.com", "https://test.salesforce.com"] = "https://login.salesforce.com"
    session_id: SecretStr | None = None
    password: SecretStr | None = None
    security_token: SecretStr | None = None
    object: Literal["Lead", "Opportunity"] = "Lead"
    lost: tuple[str, ...] = ("Closed - Not Converted", "Unqualified")
    chatter: bool = False
    excluded_fields: tuple[str, ...] = ()
    daily_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    webhook_token: SecretStr | None = None
    organization_id: str | None = None

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not (
            self.session_id is not None
            or (self.client_id and self.client_secret is not None)
            or (self.client_id and self.username and self.private_key_file is not None)
        ):
            raise ValueError(
                "SALESFORCE__CLIENT_ID and CLIENT_SECRET are missing (or CLIENT_ID, USERNAME and PRIVATE_KEY_FILE,"
                " or SESSION_ID)"
            )
        if self.password is not None and not (self.username and self.client_id and self.client_secret is not None):
            raise ValueError("SALESFORCE__PASSWORD needs USERNAME, CLIENT_ID and CLIENT_SECRET too")
        if self.webhook_token is not None:
            if len(self.webhook_token.get_secret_value()) < 32:
                raise ValueError("SALESFORCE__WEBHOOK_TOKEN has fewer than 32 characters: anybody could guess it")
            if self.organization_id is None:
                raise ValueError("SALESFORCE__WEBHOOK_TOKEN needs ORGANIZATION_ID, whose messages are taken")
        return self
