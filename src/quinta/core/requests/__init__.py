"""Direct and batch requests: what is asked of a model version, and what comes back."""
