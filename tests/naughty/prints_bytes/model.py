import os


class Model:
    def request(self, data):
        os.write(1, b"\xff\xfe not unicode \x00 nul\n\n   \n\r\n")
        print("pinned \U0001f4cc unicode \u00fc \ud800 surrogate")
        return {"y": data["x"]}
