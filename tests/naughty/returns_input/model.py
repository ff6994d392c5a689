class Model:
    def request(self, data):
        return {"y": data["x"]}
