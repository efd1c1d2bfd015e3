"""What can go wrong when learning or applying an order.

RankingError
├── InsufficientHistoryError   too few finished leads to learn from; names what is missing
├── LeakError                  a field knows the outcome; names it, a person must exclude it
├── BackboneError              a language model cannot be used: files absent, damaged or unknown, or no numbers come out
├── TeachingError              a language model was taught and learned nothing; nothing is kept of it
└── OracleError                a language model that was to be asked did not answer
"""


class RankingError(Exception):
    """Learning or applying an order failed."""


class InsufficientHistoryError(RankingError):
    """There is too little history to learn from; the message says what is missing."""


class LeakError(RankingError):
    """A field knows the outcome; the message names it and what gave it away."""


class BackboneError(RankingError):
    """A language model's files cannot be used; the message says which and what to do."""


class TeachingError(RankingError):
    """Teaching a language model came to nothing; the message says what to try."""


class OracleError(RankingError):
    """A language model did not answer; the message says where and how, and quotes nothing that it was asked."""
