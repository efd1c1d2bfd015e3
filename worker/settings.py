"""The environment and `callfirst.toml`, validated. The only reader of both.

Secrets and connections come from the environment or `.env`; policy comes from `callfirst.toml`. The environment wins.
"""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from connectors.hubspot import HubSpotConfig
from connectors.salesforce import SalesforceConfig


class RankingConfig(BaseModel):
    """Which language model reads, and where it runs.

    `regime` is how it learns from a team's own leads: `head` keeps the language model as the general model taught it
    and trains heads on what it read; `lora` and `full` go on teaching it first, which takes an accelerator or patience.
    `auto` tries `lora` where there is an accelerator and keeps it only if it orders later leads better; elsewhere it is
    `head`. With `refine`, training tries to compare the leads at the head of each stage two by two, which costs a
    minute or two of reading, and keeps that only if it wins on later leads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "mpnet"
    device: str = "auto"
    regime: Literal["auto", "head", "lora", "full"] = "auto"
    refine: bool = False


class EndpointConfig(BaseModel):
    """An OpenAI-compatible address whose model `callfirst backtest --ask endpoint` compares with; nothing else uses it.

    `url` is the part before `/chat/completions`, and holds no secret. What is asked about leaves the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: HttpUrl
    model: str
    api_key: SecretStr

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, url: HttpUrl) -> HttpUrl:
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("must not hold a name, a password or a query; the key goes into API_KEY")
        return url


class BandConfig(BaseModel):
    """How many leads each rep can call: the first `a` of the call order are band A, the next `b` band B.

    The call order is by chance, or by chance times amount where `amount_field` names the field that holds it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: Annotated[int, Field(ge=1)] = 10
    b: Annotated[int, Field(ge=0)] = 20
    amount_field: Annotated[str, Field(min_length=1)] | None = None


class SteadinessConfig(BaseModel):
    """How far a lead may move before the CRM is told again.

    By more than so many `places`, or than this `share` of its place where that is more, or by more than so many
    `points` of its score. What moved without being scored again is told for at most the share `max_churn` of all leads
    at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    places: Annotated[int, Field(ge=0)] = 3
    share: Annotated[float, Field(ge=0, le=1)] = 0.1
    points: Annotated[float, Field(ge=0)] = 2.0
    max_churn: Annotated[float, Field(gt=0, le=1)] = 0.3


class WorkerConfig(BaseModel):
    """How the worker works.

    What comes in within `debounce_seconds` after a change is ranked with it. Work belongs to who has claimed it for
    `lease_seconds`, and is taken over when he says nothing for so long. Every `sweep_seconds` somebody looks for what
    is due and was not rung for. Every `poll_minutes` (0: never) each CRM is asked what changed, for what no webhook
    told. Once a day, at `nightly_at` in `time_zone`, everything is read and ranked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    debounce_seconds: Annotated[float, Field(ge=0, le=600)] = 2.0
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    sweep_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    poll_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    nightly_at: time = time(2, 0)
    time_zone: ZoneInfo = ZoneInfo("UTC")


class Settings(BaseSettings):
    """Everything that can be set. A CRM is switched on by configuring it.

    A nested name is spelt with two underscores in the environment: `HUBSPOT__ACCESS_TOKEN`.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_nested_delimiter="__",
        toml_file="callfirst.toml",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    database_url: str = "sqlite:///callfirst.db"
    broker_url: str = "memory://"
    # The https address under which CRMs call the webhooks; a request's own headers cannot be trusted to know it.
    public_url: str | None = None
    models_dir: Path = Path("callfirst-models")
    cache_dir: Path = Field(default_factory=lambda: user_cache_path("callfirst"))
    hubspot: HubSpotConfig | None = None
    salesforce: SalesforceConfig | None = None
    ranking: RankingConfig = RankingConfig()
    ask_endpoint: EndpointConfig | None = None
    bands: BandConfig = BandConfig()
    steadiness: SteadinessConfig = SteadinessConfig()
    worker: WorkerConfig = WorkerConfig()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)
