"""The least a model can do: what goes in comes out."""


class Model:
    def __init__(self, base_directory, context):
        pass

    def request(self, data):
        return {"output": data["input"]}
