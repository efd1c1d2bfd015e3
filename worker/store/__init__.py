"""What Callfirst keeps: leads and their texts, where reading stopped, scores, and what is still to be written."""

from worker.store.store import Cursor, DueWrite, ModelVersion, Saved, Score, Store, Told

__all__ = ["Cursor", "DueWrite", "ModelVersion", "Saved", "Score", "Store", "Told"]
