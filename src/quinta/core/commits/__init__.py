"""Commits: immutable states of a project's code, and the jobs that run them on datasets."""
