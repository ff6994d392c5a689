"""Rows and objects: one schema on SQLite and PostgreSQL, an object store behind a port."""
