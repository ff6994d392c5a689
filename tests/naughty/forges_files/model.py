import json
import os
import stat
import struct


def frame(message, payload=b""):
    header = json.dumps(message).encode()
    return struct.pack(">II", len(header) + len(payload), len(header)) + header + payload


def protocol_descriptor():
    for number in range(3, 1000):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue


class Model:
    """Answers for itself, naming files that it may not hand over."""

    def request(self, data):
        kind, number, exchange = data["x"], data["number"], data["exchange"]
        folder = os.path.join(exchange, str(number), "out", "0")
        os.makedirs(folder)
        name, result_file = "file", ""
        target = os.path.join(folder, name)
        if kind == "honest":
            open(target, "w").write("honest")
        if kind == "link":
            os.symlink("/etc/passwd", target)
        if kind == "folder link":
            os.rmdir(folder)
            os.symlink("/etc", folder)
            name = "passwd"
        if kind == "pipe":
            os.mkfifo(target)
        if kind == "folder":
            os.mkdir(target)
        if kind == "parent":
            name = "../../../../process.json"
        if kind == "dots":
            name = ".."
        if kind == "result link":
            os.symlink("/etc/passwd", os.path.join(exchange, str(number), "r"))
            result_file = "r"
        files = {} if result_file else {"y": name}
        if kind == "foreign field":
            files = {data["aim"]: name}
        if kind == "link as its folder":
            import shutil

            shutil.rmtree(os.path.join(exchange, str(number)))
            os.symlink(data["aim"], os.path.join(exchange, str(number)))
        if kind == "link as the exchange":
            os.rename(exchange, exchange + "-away")
            os.symlink(data["aim"], exchange)
            return {"y": target}
        os.write(protocol_descriptor(), frame(["Done", number, 0.1, result_file, files], b'{"y":"x"}'))
        import time

        time.sleep(3600)
