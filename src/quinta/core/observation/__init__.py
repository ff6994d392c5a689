"""Log lines, metric points and who may read them."""
