"""Plain to plain: the value of the environment variable that is named; "" when it is not set."""

import os


class Model:
    def __init__(self, context):
        self.context = context

    def request(self, data):
        return os.environ.get(data, "")
