"""Where trials are kept, so that workers share them and a study goes on another day."""

from __future__ import annotations

from pathlib import Path

from bossline.core.errors import UserError
from bossline.studies.tuning.optional import JournalFileBackend, SQLAlchemyError, optuna

HEARTBEAT = 10  # seconds between a worker's signs of life
GRACE = 60  # seconds without one, after which its trial goes to another worker
RETRIES = 3  # of one trial; what ends so many workers would end the next


def open_storage(where: str) -> optuna.storages.BaseStorage:
    """
    Args:
        where: a database as SQLAlchemy names it, "sqlite:///study.db" or "postgresql://...", or a
            file that ends in .journal.

    Raises:
        UserError: neither, or it cannot be opened.
    """
    if where.endswith(".journal"):
        return _open_journal(Path(where))
    if "://" not in where:
        raise UserError(
            f"--storage {where}: expected sqlite:///FILE, postgresql://..., or FILE.journal"
        )
    waits = {"connect_args": {"timeout": 60}} if where.startswith("sqlite:") else {}
    try:
        return optuna.storages.RDBStorage(
            where,
            engine_kwargs=waits,
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=retry(RETRIES),
        )
    except (SQLAlchemyError, ImportError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--storage {where}: cannot be opened ({reason})") from error


def _open_journal(path: Path) -> optuna.storages.BaseStorage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    except OSError as error:
        raise UserError(f"--storage {path}: cannot be opened ({error.strerror})") from error


def has_heartbeat(storage: optuna.storages.BaseStorage) -> bool:
    """Whether the trial of a dead worker is found out."""
    return isinstance(storage, optuna.storages.RDBStorage)


def retry(most: int | None) -> optuna.storages.RetryHeartbeatStaleTrialCallback:
    """Puts a trial back into the queue, so often at most; its run goes on from its checkpoint."""
    return optuna.storages.RetryHeartbeatStaleTrialCallback(most, inherit_intermediate_values=True)
