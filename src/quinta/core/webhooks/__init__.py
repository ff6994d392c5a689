"""Telling other systems what happened, by signed calls of theirs."""
