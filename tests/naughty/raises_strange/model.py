class UnprintableError(Exception):
    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


class ExitingError(Exception):
    def __str__(self):
        raise SystemExit(9)


class Uncut(str):
    def __getitem__(self, part):
        raise KeyError(part)


class UncutError(Exception):
    def __str__(self):
        return Uncut("not to be cut")


class NotAnException(BaseException):
    pass


def endless(number):
    return endless(number + 1)


class Model:
    def request(self, data):
        kind = data["x"]
        if kind == "exception":
            raise ValueError("the price is wrong")
        if kind == "empty":
            raise KeyError
        if kind == "number":
            raise Exception(42)
        if kind == "unprintable":
            raise UnprintableError
        if kind == "exits when printed":
            raise ExitingError
        if kind == "strange text":
            raise UncutError
        if kind == "exit":
            raise SystemExit
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind == "base":
            raise NotAnException("not an Exception")
        if kind == "generator":
            raise GeneratorExit
        if kind == "recursion":
            endless(0)
        if kind == "memory":
            raise MemoryError
        if kind == "unicode":
            raise ValueError("\ud800 \u00fc \U0001f4cc \u0000")
        if kind == "long":
            raise ValueError("l" * 10_000_000)
        return {"y": kind}
