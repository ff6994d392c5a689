"""Zip archives: opened as what a stranger may have forged, made of what user code may have arranged."""
