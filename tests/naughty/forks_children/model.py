import os
import subprocess
import time


class Model:
    def request(self, data):
        if os.fork() == 0:
            time.sleep(3600)
        subprocess.Popen(["sleep", "3600"])
        return {"y": data["x"]}
