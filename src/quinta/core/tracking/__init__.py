"""Experiments and runs: what was tried, with which parameters, and what came of it."""
