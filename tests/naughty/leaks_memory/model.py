class Model:
    def __init__(self):
        self.kept = []

    def request(self, data):
        if data["x"] < 0:
            while True:
                self.kept.append(bytearray(8 << 20))
        return {"y": data["x"]}
