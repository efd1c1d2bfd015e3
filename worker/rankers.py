"""The models in use, loaded once in each process and again when another one was promoted.

What ranks takes seconds to import, and memory: whoever only reads and writes does without.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from ranking.reader import CachedReader
from worker.errors import NoModelError
from worker.store import Store

if TYPE_CHECKING:
    from ranking.model import RankingModel
    from worker.regimes import Teacher

logger = logging.getLogger(__name__)


class Rankers:
    """Opens the model that is in use for a tenant."""

    def __init__(self, store: Store, reader: Callable[[], CachedReader], teacher: "Callable[[], Teacher]") -> None:
        """Hold what opens models; `reader` opens the language model, which takes seconds, at first use."""
        self._store = store
        self._open_reader = reader
        self._build_teacher = teacher
        self._teacher: Teacher | None = None
        self._reader: CachedReader | None = None
        self._one_at_a_time = Lock()
        self._opened: dict[str, tuple[str | None, RankingModel, CachedReader]] = {}

    @property
    def are_lent(self) -> bool:
        """Whether another thread of this process is ranking just now."""
        return self._one_at_a_time.locked()

    @contextmanager
    def use(self, tenant: str) -> "Iterator[tuple[RankingModel, CachedReader]]":
        """Lend the model in use and the language model that reads for it, to one thread at a time.

        Raises:
            NoModelError: There is none.
        """
        with self._one_at_a_time:
            yield self._open(tenant)

    def open_ahead(self, tenants: Iterable[str]) -> None:
        """Open the models of these tenants before there is anything to rank; what fails will fail again then."""
        for tenant in tenants:
            try:
                with suppress(NoModelError), self.use(tenant):
                    pass
            except Exception as error:
                logger.warning("could not open the model of %s ahead: %s", tenant, type(error).__name__)

    def _open(self, tenant: str) -> "tuple[RankingModel, CachedReader]":
        from worker.learn import load_model

        found = self._store.find_model(tenant)
        version = None if found is None else found.version
        if tenant not in self._opened or self._opened[tenant][0] != version:
            if self._reader is None:
                self._reader = self._open_reader()
            if self._teacher is None:
                self._teacher = self._build_teacher()
            model, reader = load_model(self._store, tenant, self._reader, self._teacher)
            self._opened[tenant] = (version, model, reader)
        _, model, reader = self._opened[tenant]
        return model, reader
