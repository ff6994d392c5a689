"""Who earns more than 50,000 dollars a year: logistic regression on what the owner marked as features, less money.

Gains and losses of capital are left out: bounded by what they can be, almost all of them are almost 0.
"""

from __future__ import annotations

from dq0.sdk.models.model import Model

from dq0.makedp import LogisticRegression


class UserModel(Model):
    """The model that dq0.makedp trains privately."""

    def setup_data(self) -> None:
        """Reads no rows, so that what is trained is private for everybody in the census."""
        self.feature_columns = [
            "age",
            "workclass",
            "education-num",
            "marital-status",
            "occupation",
            "relationship",
            "sex",
            "hours-per-week",
        ]
        self.target_column = "income"

    def setup_model(self) -> None:
        """Says which model."""
        self.model = LogisticRegression()
