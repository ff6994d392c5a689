"""The function that every queue runs: a square. With ``seconds`` it takes its time first, and says when it ends."""

import time


class Model:
    def request(self, data):
        if data["seconds"] > 0:
            time.sleep(data["seconds"])
            print("ended", data["number"])
        return {"square": data["number"] * data["number"]}
