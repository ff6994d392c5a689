"""``python -m quinta.cli.version2``: the same as the command ``version2``."""

from quinta.cli.version2.app import main

main()
