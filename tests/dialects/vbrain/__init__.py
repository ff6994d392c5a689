"""The VBrain face, over a real socket against a real server, with requests as its clients have it."""
