"""What can go wrong when talking to a CRM.

ConnectorError
├── AuthenticationError    credentials refused, or a scope or permission is missing; a person must act
├── SchemaError            the CRM lacks a field, stage or option that we need; a person must act
├── InvalidRequestError    the CRM rejected what we sent; a bug on our side
└── TransientError         the same call may succeed later
    ├── RateLimitError     too many calls
    └── UnavailableError   outage, timeout or broken connection
"""


class ConnectorError(Exception):
    """Talking to a CRM failed. Messages name the call and the reply, never a secret or a lead's data."""


class AuthenticationError(ConnectorError):
    """The CRM refused the credentials, or they lack a scope or permission that the message names."""


class SchemaError(ConnectorError):
    """The CRM lacks a field, stage or option that the configuration names."""


class InvalidRequestError(ConnectorError):
    """The CRM rejected the request as malformed."""


class TransientError(ConnectorError):
    """The same call may succeed later. `retry_after_seconds` is what the CRM asked for, if it did."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimitError(TransientError):
    """Too many calls."""


class UnavailableError(TransientError):
    """The CRM did not answer, or answered with an outage."""
