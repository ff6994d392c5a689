import sys


class Model:
    def request(self, data):
        if data["x"] < 0:
            line = "x" * 99 + "\n"
            block = line * 10_000
            for _ in range(100):
                sys.stdout.write(block)
        return {"y": data["x"]}
