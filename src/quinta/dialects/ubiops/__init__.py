"""UbiOps v2.1, as the client of October 2020 speaks it."""
