"""Questions about data that nobody may see, and their answers (contract dq0 5)."""
