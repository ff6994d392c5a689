import os


class Model:
    def request(self, data):
        os.fork()
        return {"y": data["x"]}
