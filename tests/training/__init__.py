"""Private training: dq0.makedp, which runs in the environments of projects."""
