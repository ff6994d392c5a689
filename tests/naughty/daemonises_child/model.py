import os
import time


class Model:
    def request(self, data):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            os.close(0)
            time.sleep(3600)
        return {"y": data["x"]}
