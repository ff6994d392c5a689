"""The command ``version2``: projects and releases, over HTTP alone."""
