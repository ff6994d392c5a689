"""VersionTwo's interface: projects, releases rolled out and back, keys and webhooks."""
