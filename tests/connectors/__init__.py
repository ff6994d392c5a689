"""Connectors against real servers of each type."""
