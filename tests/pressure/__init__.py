"""More than anybody should send: connections, slow callers, guesses, floods of log lines."""
