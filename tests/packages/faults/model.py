import math
import os
import resource
import signal
import socket
import stat
import threading
import time

if os.environ.get("WHILE_STARTING") == "hang":
    time.sleep(3600)
if os.environ.get("WHILE_STARTING") == "raise":
    raise ValueError("the variable says so")


def connection():
    for number in range(3, 1000):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue


def written():
    """A file that is there before anything is asked."""
    with open("ready.bin", "wb") as file:
        file.write(bytes(2 << 20))
    return "ready.bin"


READY = written()


class Model:
    """Fails as it is told to, after a line in the log."""

    def request(self, data):
        print("about to " + data["kind"], flush=True)
        return getattr(self, data["kind"])(data)

    def succeed(self, data):
        return {"number": 1.0}

    def throw(self, data):
        raise ValueError("thrown")

    def call_exit(self, data):
        raise SystemExit(3)

    def return_nan(self, data):
        return {"number": math.nan}

    def return_object(self, data):
        return {"number": object()}

    def return_text(self, data):
        return "text"

    def return_wrong_field(self, data):
        return {"number": "one"}

    def return_nothing(self, data):
        return {}

    def return_too_much(self, data):
        return {"number": 1.0, "more": "m" * (17 << 20)}

    def return_large(self, data):
        return {"text": "l" * (12 << 20)}

    def return_no_file(self, data):
        return {"file": "nothing.txt"}

    def return_ready_file(self, data):
        return {"file": READY}

    def return_number_for_file(self, data):
        return {"file": 3}

    def return_file(self, data):
        time.sleep(2)
        return {"file": data["file"]}

    def leak(self, data):
        kept = []
        while True:
            kept.append(bytearray(8 << 20))

    def end(self, data):
        os._exit(3)

    def crash(self, data):
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(3600)

    def babble(self, data):
        os.write(connection(), b"\xff" * 4096)
        time.sleep(3600)

    def hang_up(self, data):
        socket.socket(fileno=os.dup(connection())).shutdown(socket.SHUT_RDWR)
        time.sleep(3600)

    def start_threads(self, data):
        threading.stack_size(64 << 10)
        for _ in range(100_000):
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()

    def write_too_much(self, data):
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        with open("large", "wb") as file:
            os.ftruncate(file.fileno(), limit + 1)

    def hang(self, data):
        time.sleep(3600)
