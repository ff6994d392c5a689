import os
import signal


class Model:
    def request(self, data):
        if data["x"] < 0:
            os.kill(os.getpid(), signal.SIGSEGV)
        return {"y": data["x"]}
