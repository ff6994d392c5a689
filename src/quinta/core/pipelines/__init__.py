"""Pipelines: objects that hand their results on, and the requests that run through them (contract ubiops 5.6)."""
