"""The BrainSTEM face: data repositories, groups, and the ways to sign in (contract brainstem)."""
