"""The job queue and the worker that trains. The ledger is the truth; the queue only wakes the worker."""

from mllib.jobs.queue import enqueue_run, queue_of, waiting_tasks
from mllib.jobs.worker import run_worker, worker_is_alive

__all__ = ["enqueue_run", "queue_of", "run_worker", "waiting_tasks", "worker_is_alive"]
