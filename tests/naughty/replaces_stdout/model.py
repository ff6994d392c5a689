import io
import sys


class Broken:
    def write(self, text):
        raise RuntimeError("no")

    flush = write


class Model:
    def request(self, data):
        print("before", data["x"])
        sys.stdout = Broken() if data["x"] < 0 else io.StringIO()
        return {"y": data["x"]}
