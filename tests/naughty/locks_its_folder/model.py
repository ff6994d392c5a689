import os


class Model:
    def request(self, data):
        os.makedirs("locked/inner/deep")
        open("locked/inner/deep/file", "w").close()
        os.chmod("locked/inner", 0)
        os.chmod("locked", 0)
        os.chmod(".", 0o500)
        return {"y": data["x"]}
