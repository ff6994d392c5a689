"""Plumbing that all dialects share; never shapes or routes."""
