"""What can go wrong in the jobs.

WorkerError
├── ConfigurationError   a setting is missing or contradicts another; the message says which
├── DataFileError        a data file cannot be used; the message says file, line and what is wrong
└── NoModelError         there is no trained model yet
"""


class WorkerError(Exception):
    """A job cannot be done."""


class ConfigurationError(WorkerError):
    """A setting is missing or contradicts another."""


class DataFileError(WorkerError):
    """A data file cannot be used."""


class NoModelError(WorkerError):
    """There is no trained model for this CRM yet."""
