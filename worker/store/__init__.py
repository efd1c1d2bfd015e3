"""What Callfirst keeps: leads and their texts, where reading stopped, scores, and what is still to be written."""

from worker.store.inbox import Told
from worker.store.pages import Saved
from worker.store.store import Cursor, DueWrite, ModelVersion, Score, Store

__all__ = ["Cursor", "DueWrite", "ModelVersion", "Saved", "Score", "Store", "Told"]
