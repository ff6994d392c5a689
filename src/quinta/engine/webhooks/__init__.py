"""Calling the receivers of webhooks."""
