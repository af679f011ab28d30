"""What of scikit-learn chooses columns, which an extra brings."""

from __future__ import annotations

from bossline.core.errors import UserError

try:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_selection import mutual_info_regression
    from sklearn.linear_model import lars_path
except ImportError as error:
    raise UserError(
        "choosing columns by lasso or mutual-information needs the tabular extra: "
        "pip install 'bossline[tabular]'"
    ) from error

__all__ = ["ConvergenceWarning", "lars_path", "mutual_info_regression"]
