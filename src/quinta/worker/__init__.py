"""The child side: loads a user's package and answers requests. Standard library and ``wire`` only; Python 3.8+."""
