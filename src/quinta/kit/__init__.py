"""Leaf pieces without project nouns: clock, ids."""
