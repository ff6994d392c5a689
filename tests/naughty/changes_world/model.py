import os
import sys
import tempfile


class Model:
    def request(self, data):
        here = os.getcwd()
        with open("own.txt", "a") as file:
            file.write("x")
        if data["x"] == 1:
            os.chdir("/")
        if data["x"] == 2:
            sys.path[:] = []
            sys.modules.pop("json", None)
        if data["x"] == 3:
            folder = tempfile.mkdtemp()
            os.chdir(folder)
            os.rmdir(folder)
        if data["x"] == 4:
            os.environ.clear()
            os.umask(0o777)
        return {"y": here}
