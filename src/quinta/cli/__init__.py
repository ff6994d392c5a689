"""The commands. Every way in passes here first: ``early`` must hold before the seconds that the rest takes to load."""

from quinta.cli import early

__all__ = ["early"]
