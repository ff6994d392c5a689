"""Quinta: one self-hosted server for a team's private data, models and jobs."""
