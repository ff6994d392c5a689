"""``python -m quinta``: the same as the command ``quinta``."""

from quinta.cli.quinta import main

main()
