"""The applications that ship with the server: called directly, as their packages are loaded by a worker."""
