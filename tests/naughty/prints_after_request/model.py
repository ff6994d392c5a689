import threading
import time


class Model:
    def request(self, data):
        def later():
            for number in range(5):
                time.sleep(0.01)
                print("late line", number)

        thread = threading.Thread(target=later)
        thread.start()
        if data["x"] < 0:
            thread.join()
        return {"y": data["x"]}
