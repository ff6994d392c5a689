"""``python -m quinta.cli.dq0``: the same as the command ``dq0``."""

from quinta.cli.dq0.app import main

main()
