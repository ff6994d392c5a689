import os


class Model:
    def request(self, data):
        if data["x"] < 0:
            print("no newline at the end", end="", flush=True)
            os._exit(3)
        return {"y": data["x"]}
