"""Faces over the core: each looks like its own product."""
