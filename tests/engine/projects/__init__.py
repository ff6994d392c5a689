"""Projects: their files, and their runs."""
