"""Runs user code in instances: a state machine that decides, and the processes, pipes and folders that follow it."""
