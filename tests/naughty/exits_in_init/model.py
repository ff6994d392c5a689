import sys


class Model:
    def __init__(self):
        sys.exit("no licence")
