import os


class Model:
    """Makes more folders in each other than Python can walk, the last one closed."""

    def request(self, data):
        for _ in range(2500):
            os.mkdir("d")
            os.chdir("d")
        os.mkdir("closed")
        os.chmod("closed", 0)
        return {"y": data["x"]}
