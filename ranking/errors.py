"""What can go wrong when learning or applying an order.

RankingError
├── InsufficientHistoryError   too few finished leads to learn from; names what is missing
└── BackboneError              a language model's files are absent, damaged or of an unknown kind
"""


class RankingError(Exception):
    """Learning or applying an order failed."""


class InsufficientHistoryError(RankingError):
    """There is too little history to learn from; the message says what is missing."""


class BackboneError(RankingError):
    """A language model's files cannot be used; the message says which and what to do."""
