"""Settings come from environment and file, and hide their secrets."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from worker.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_template_environment_is_complete_and_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())

    settings = Settings()

    assert settings.hubspot is not None
    assert settings.salesforce is not None
    assert settings.database_url == "sqlite:///callfirst.db"


def test_the_environment_wins_over_the_file_and_policy_joins_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBSPOT__ACCESS_TOKEN", "hush")
    monkeypatch.setenv("BANDS__A", "7")
    (tmp_path / "callfirst.toml").write_text('[hubspot]\nwon = ["SIGNED"]\n[bands]\na = 3\nb = 5\n')

    settings = Settings()

    assert settings.hubspot is not None
    assert settings.hubspot.won == ("SIGNED",)
    assert (settings.bands.a, settings.bands.b) == (7, 5)
    assert "hush" not in repr(settings)


def test_an_unknown_setting_of_a_crm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBSPOT__ACCESS_TOKEN", "hush")
    monkeypatch.setenv("HUBSPOT__STAGE_PROPERTI", "x")

    with pytest.raises(ValidationError, match="stage_properti"):
        Settings()


@pytest.mark.parametrize("url", ["https://me:hush@example.com/v1", "https://example.com/v1?key=hush"])
def test_an_endpoint_whose_address_holds_a_secret_is_refused_and_the_secret_is_not_said(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASK_ENDPOINT__URL", url)
    monkeypatch.setenv("ASK_ENDPOINT__MODEL", "a-model")
    monkeypatch.setenv("ASK_ENDPOINT__API_KEY", "a-key")

    with pytest.raises(ValidationError, match="API_KEY") as refused:
        Settings()

    assert "hush" not in str(refused.value)
