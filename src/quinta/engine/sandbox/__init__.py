"""Runs programs that are not trusted: what the machine offers, command lines, cgroups, and looking after processes."""
