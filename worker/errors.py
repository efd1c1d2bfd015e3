"""What can go wrong in the jobs.

WorkerError
├── ConfigurationError   a setting is missing or contradicts another; the message says which
├── BusyError            somebody else is doing it just now, or nobody may
├── StoppingError        this process is to end; what it was at is given back
├── LeaseLostError       somebody else has taken the work over; nothing of ours was kept
├── DataFileError        a data file cannot be used; the message says file, line and what is wrong
└── NoModelError         there is no trained model yet
"""


class WorkerError(Exception):
    """A job cannot be done."""


class ConfigurationError(WorkerError):
    """A setting is missing or contradicts another."""


class BusyError(WorkerError):
    """Somebody else is doing it just now, or the account is paused."""


class StoppingError(WorkerError):
    """This process is to end, and what it is at is given back."""


class LeaseLostError(WorkerError):
    """Work took so long that somebody else has taken it over."""


class DataFileError(WorkerError):
    """A data file cannot be used."""


class NoModelError(WorkerError):
    """There is no trained model for this CRM yet."""
