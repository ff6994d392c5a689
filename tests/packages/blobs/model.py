"""{"image": blob} to {"report": blob, "size": int, "name": string}: reads the file it gets and writes another."""

import os

from header import HEADER


class Model:
    def __init__(self, base_directory):
        self.base_directory = base_directory

    def request(self, data):
        path = data["image"]
        with open(path, "rb") as source:
            content = source.read()
        with open(os.path.join(self.base_directory, "report.txt"), "w", encoding="utf-8") as report:
            report.write(HEADER + "%d bytes\n" % len(content))
        return {"report": "report.txt", "size": len(content), "name": os.path.basename(path)}
