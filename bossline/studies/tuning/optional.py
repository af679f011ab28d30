"""Optuna and what it keeps trials with, which an extra brings."""

from __future__ import annotations

from bossline.core.errors import UserError

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError
except ImportError as error:
    raise UserError("tuning needs the tune extra: pip install 'bossline[tune]'") from error

__all__ = ["JournalFileBackend", "SQLAlchemyError", "optuna"]
