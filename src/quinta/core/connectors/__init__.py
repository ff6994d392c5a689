"""Connectors to stores of others, and the credentials they sign in with."""
