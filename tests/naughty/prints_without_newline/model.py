class Model:
    def __init__(self):
        print("partial at start", end="")

    def request(self, data):
        print(f"partial of {data['x']}", end="")
        return {"y": data["x"]}
