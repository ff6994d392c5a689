"""Blobs: files that travel in and out of requests."""
