"""MLflow: experiments and runs for its own clients."""
