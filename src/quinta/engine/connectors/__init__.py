"""Drivers of the stores behind connectors: one file a type or family, and what all of them go through."""
