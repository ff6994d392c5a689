"""The BrainSTEM face, over a real socket against a real server."""
