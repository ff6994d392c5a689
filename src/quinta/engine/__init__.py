"""Makes things happen: leases, loops, builds, the supervisor of instances and its sandbox."""
