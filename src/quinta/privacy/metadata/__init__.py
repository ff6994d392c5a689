"""Reading a dataset's metadata, in the three formats that there are (contract dq0 6)."""
