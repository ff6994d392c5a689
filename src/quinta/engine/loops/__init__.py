"""The loops: builds, batches, instances, housekeeping; each a filter and a function."""
