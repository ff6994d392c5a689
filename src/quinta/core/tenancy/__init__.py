"""Users, organizations, membership, subscriptions, projects and keys."""
