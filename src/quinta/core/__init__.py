"""Nouns and verbs of the platform; plain Python, no framework."""
