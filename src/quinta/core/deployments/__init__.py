"""Releases: rolling the models of a project to a version, and back."""
