import math


class Scalar:
    """Like a scalar of numpy."""

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


class Array:
    def tolist(self):
        return [1.5, 2.5]


class Opaque:
    pass


class Breaks:
    def tolist(self):
        raise RuntimeError("cannot be converted")


class BreaksText(Breaks):
    def tolist(self):
        raise UnprintableError


class UnprintableError(Exception):
    def __str__(self):
        raise ValueError("no text")


cycle = []
cycle.append(cycle)
deep = []
for _ in range(100_000):
    deep = [deep]

VALUES = {
    "zero": 0,
    "empty text": "",
    "empty list": [],
    "empty object": {},
    "false": False,
    "none": None,
    "nan": math.nan,
    "infinity": {"y": [1.0, -math.inf]},
    "scalar": {"y": Scalar(7)},
    "array": {"y": Array()},
    "opaque": {"y": Opaque()},
    "bytes": {"y": b"bytes"},
    "set": {"y": {1}},
    "breaks": {"y": Breaks()},
    "breaks without text": {"y": BreaksText()},
    "cycle": {"y": cycle},
    "deep": {"y": deep},
    "surrogate": {"y": "\ud800"},
    "key": {"y": {(1, 2): 3}},
    "unicode": {"y": "\u00fc \U0001f4cc \u0000 \u2028 \u202e"},
}


class Model:
    def request(self, data):
        if data["x"] == "huge":
            return {"y": "h" * 12_000_000}
        if data["x"] == "too huge":
            return {"y": "h" * 17_000_000}
        if data["x"] == "coroutine":

            async def answer():
                return {"y": 1}

            return answer()
        return VALUES[data["x"]]
