"""The messages between the supervisor and a worker. Standard library only; runs on Python 3.8 too."""
