"""The gateway of the quarantine: the API server on a person's own computer (contract dq0 2)."""
