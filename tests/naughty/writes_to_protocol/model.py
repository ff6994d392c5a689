import json
import os
import socket
import stat
import struct


def frame(message, payload=b""):
    header = json.dumps(message).encode()
    return struct.pack(">II", len(header) + len(payload), len(header)) + header + payload


FRAMES = {
    "garbage": b"\xff" * 4096,
    "too long": struct.pack(">II", 1 << 30, 10),
    "header longer": struct.pack(">II", 10, 11),
    "not json": struct.pack(">II", 4, 4) + b"nope",
    "unknown": frame(["Nonsense"]),
    "not a list": frame({"Done": 1}),
    "wrong id": frame(["Done", 999_999, 0.1, "", {}], b"{}"),
    "wrong types": frame(["Done", "1", 0.1, "", {}], b"{}"),
    "no fields": frame(["Done"]),
    "wrong files": frame(["Done", 1, 0.1, "", {"y": 1}], b"{}"),
    "ready again": frame(["Ready"]),
    "start": frame(["Start", "", "", "", {}, {}, [], 0, {}]),
}


def protocol_descriptor():
    for number in range(3, 1000):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue


class Model:
    def request(self, data):
        if data["x"] in FRAMES:
            os.write(protocol_descriptor(), FRAMES[data["x"]])
        if data["x"] == "closes":
            os.close(protocol_descriptor())
            os.dup2(os.open("/dev/null", os.O_RDWR), 150)
        if data["x"] == "shuts down":
            socket.socket(fileno=os.dup(protocol_descriptor())).shutdown(socket.SHUT_RDWR)
            import time

            time.sleep(3600)
        return {"y": data["x"]}
