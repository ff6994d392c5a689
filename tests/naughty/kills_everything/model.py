import os
import signal


class Model:
    def request(self, data):
        if data["x"] == -1:
            os.kill(-1, signal.SIGKILL)
        if data["x"] == -2:
            os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
        if data["x"] == -3:
            os.killpg(0, signal.SIGKILL)
        if data["x"] == -4:
            os.kill(os.getppid(), signal.SIGKILL)
        return {"y": data["x"]}
