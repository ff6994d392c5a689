"""From an uploaded archive to a package folder and an environment that instances can run."""
