import os


class Model:
    def request(self, data):
        print("before", data["x"])
        os.close(1)
        os.close(2)
        return {"y": data["x"]}
