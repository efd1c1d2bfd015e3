"""Runs the HubSpot suite on the paths of v3 and on those of a dated version."""

from collections.abc import Iterator

import pytest

from tests.sandboxes import API_VERSION

_VERSIONS = ["v3", "2026-09"]
# Minutes of kills and restarts, which have nothing to do with paths.
_ON_V3_ONLY = "test_lost_records"


@pytest.fixture(autouse=True)
def api_version(request: pytest.FixtureRequest) -> Iterator[str]:
    """The version that sessions speak unless a test says otherwise."""
    version = getattr(request, "param", _VERSIONS[0])
    token = API_VERSION.set(version)
    yield version
    API_VERSION.reset(token)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if not metafunc.module.__name__.endswith(_ON_V3_ONLY):
        metafunc.parametrize("api_version", _VERSIONS, indirect=True)
