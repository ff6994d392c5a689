"""What operators see of the engine: counts kept while it works, and the state put together when somebody asks."""
