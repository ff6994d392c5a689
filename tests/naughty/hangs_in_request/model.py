import signal
import time


class Model:
    def request(self, data):
        if data["x"] < 0:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            print("going to sleep")
            while True:
                time.sleep(3600)
        return {"y": data["x"]}
