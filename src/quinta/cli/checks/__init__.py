"""What ``quinta doctor`` looks at: one file a part of the host. Nothing here changes anything."""
