"""What goes wrong in a way that whoever wrote the project, or the metadata, can mend."""

from __future__ import annotations


class TrainingError(Exception):
    """Its text says what was wrong and what to do, and nothing that was read from rows."""
