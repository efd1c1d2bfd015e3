"""Runs the checks of `doctor`: one that fails does not keep the others from being made."""

from collections.abc import Callable, Iterator, Mapping

from connectors.base import Health, HealthCheck
from connectors.errors import AuthenticationError, ConnectorError


def run_checks(
    crm: str, checks: Mapping[str, Callable[[], HealthCheck]], *, missing_right: str
) -> Iterator[HealthCheck]:
    """Yield what each check found, by what it looks at; `missing_right` is what to do where a right is missing."""
    for what, check in checks.items():
        try:
            yield check()
        except AuthenticationError as error:
            yield HealthCheck(f"{crm}: {what}", Health.FAIL, str(error), missing_right)
        except ConnectorError as error:
            yield HealthCheck(f"{crm}: {what}", Health.FAIL, str(error), "run `callfirst doctor` again")
