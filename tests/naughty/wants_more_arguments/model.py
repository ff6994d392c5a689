class Model:
    def __init__(self, base_directory, something_else):
        pass

    def request(self, data):
        return data
