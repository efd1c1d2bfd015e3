"""The token that calls carry: a fixed one, or one that is fetched anew when it expires."""

from collections.abc import Callable
from threading import Lock

from connectors.errors import AuthenticationError


class AccessToken:
    """One token for all threads. `fetch` gets a new one; without it the token is fixed."""

    def __init__(self, value: str | None, fetch: Callable[[], str] | None = None) -> None:
        self._value = value
        self._fetch = fetch
        self._lock = Lock()

    def current(self) -> str:
        """Return the token to call with, fetching the first one."""
        if self._value is None:
            return self.replace(None)
        return self._value

    def replace(self, refused: str | None) -> str:
        """Return a token that is not the refused one. Of many callers that were refused at once, one fetches.

        Raises:
            AuthenticationError: The token is a fixed one, or no new one was given.
        """
        with self._lock:
            if self._value is not None and self._value != refused:
                return self._value
            if self._fetch is None:
                raise AuthenticationError("HubSpot: the access token was refused; check HUBSPOT__ACCESS_TOKEN")
            self._value = self._fetch()
            return self._value
