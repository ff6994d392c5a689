"""From an uploaded archive to a package and an environment."""
