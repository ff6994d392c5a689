"""The command ``dq0``: a person's way to the quarantine (contract dq0 2.1)."""
