"""Structured in and out: {"number": double} to {"result": double}."""


class Model:
    def __init__(self, base_directory, context):
        self.factor = 2.0

    def request(self, data):
        return {"result": data["number"] * self.factor}
