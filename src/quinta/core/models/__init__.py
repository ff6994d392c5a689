"""Models, their versions, and the builds that make a version runnable."""
