class Model:
    def request(self, data):
        print("good request", data)
        return {"y": data["x"] * 2}
