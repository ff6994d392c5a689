import os
import sys


class Model:
    def request(self, data):
        print("before", data["x"])
        sys.stdout.close()
        sys.stderr.close()
        return {"y": data["x"]}
