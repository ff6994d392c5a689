"""Webhooks: calls to receivers of every kind, deliveries, and the server as a whole."""
