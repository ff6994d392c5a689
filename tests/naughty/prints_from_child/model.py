import logging
import subprocess
import sys


class Model:
    def request(self, data):
        subprocess.run(["/bin/sh", "-c", "echo from the shell; echo to stderr >&2"], check=True)
        subprocess.run([sys.executable, "-c", "print('from python')"], check=True)
        logging.getLogger("naughty").info("from logging")
        return {"y": data["x"]}
