"""The VersionTwo face, over a real server."""
