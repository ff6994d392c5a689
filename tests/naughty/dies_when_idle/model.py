import os
import threading


class Model:
    def request(self, data):
        if data["x"] < 0:
            threading.Timer(0.05, os._exit, (9,)).start()
        return {"y": data["x"]}
