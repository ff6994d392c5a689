import io
import sys

sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")


class Model:
    def request(self, data):
        print("wrapped", data["x"])
        return {"y": data["x"]}
