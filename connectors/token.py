"""What calls are authorised by: a fixed token, or one that is fetched anew when it expires."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from connectors.errors import AuthenticationError

T = TypeVar("T")


class Token(Generic[T]):
    """One token for all threads of a session with a CRM: a text, or a text with what came along with it.

    `fetch` gets a new one; without it the token is fixed. `refused` is what a person is told when a fixed one is.
    """

    def __init__(self, value: T | None, fetch: Callable[[], T] | None = None, *, refused: str) -> None:
        self._value = value
        self._fetch = fetch
        self._refused = refused
        self._lock = Lock()

    def current(self) -> T:
        """Return the token to call with, fetching the first one."""
        if self._value is None:
            return self.replace(None)
        return self._value

    def replace(self, refused: T | None) -> T:
        """Return a token that is not the refused one. Of many callers that were refused at once, one fetches.

        Raises:
            AuthenticationError: The token is a fixed one, or no new one was given.
        """
        with self._lock:
            if self._value is not None and self._value != refused:
                return self._value
            if self._fetch is None:
                raise AuthenticationError(self._refused)
            self._value = self._fetch()
            return self._value
