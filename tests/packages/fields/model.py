"""Every data type in and out under the same name: what came in goes out."""


class Model:
    def request(self, data):
        return dict(data)
