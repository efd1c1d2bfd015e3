"""What Callfirst keeps: leads and their texts, where reading stopped, scores, what is to be done and to be written."""

from worker.store.database import is_conflict
from worker.store.inbox import GATHERED, Told
from worker.store.pages import Saved
from worker.store.ranking import DirtyLead, DueWrite, Order, Score, Standing
from worker.store.runs import Run
from worker.store.store import Cursor, ModelVersion, Pass, Store
from worker.store.work import Claim, Job

__all__ = [
    "GATHERED",
    "Claim",
    "Cursor",
    "DirtyLead",
    "DueWrite",
    "Job",
    "ModelVersion",
    "Order",
    "Pass",
    "Run",
    "Saved",
    "Score",
    "Standing",
    "Store",
    "Told",
    "is_conflict",
]
