"""Datasets that nobody may see: what is known of them, who may use them, what using them costs."""
