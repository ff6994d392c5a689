"""Private training for projects: ``python -m dq0.makedp``.

It runs in a project's own environment, so it needs Python 3.8 and numpy, and nothing else of the server. What a project
imports from here says which model is to be trained; the training itself is never in its hands.
"""

from dq0.makedp.models import LinearRegression, LogisticRegression, NaiveBayes, Network

__all__ = ["LinearRegression", "LogisticRegression", "NaiveBayes", "Network"]
