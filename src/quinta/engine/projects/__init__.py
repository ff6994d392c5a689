"""Projects: what their code is made of, and what a run of it is given and leaves."""
