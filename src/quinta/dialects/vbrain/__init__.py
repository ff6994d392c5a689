"""VBrain: repositories of inputs and executions of applications on them."""
