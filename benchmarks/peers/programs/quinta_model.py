"""The package for Quinta: ``work.py`` lies beside it in the zip file."""

from work import answer


class Model:
    def request(self, data):
        return answer(data)
