import os
import pathlib


class Model:
    def request(self, data):
        kind = data["x"]
        if kind == "relative":
            pathlib.Path("result.txt").write_text("relative result")
            return {"y": "result.txt"}
        if kind == "absolute":
            pathlib.Path("/tmp/out \u00fc.txt").write_text("absolute result")
            return {"y": pathlib.Path("/tmp/out \u00fc.txt")}
        if kind == "input":
            return {"y": data["file"]}
        if kind == "content":
            return {"y": "copy.txt", "path": data["file"], "content": self._copy(data["file"])}
        if kind == "missing":
            return {"y": "nothing.txt"}
        if kind == "number":
            return {"y": 3}
        if kind == "folder":
            return {"y": "."}
        if kind == "device":
            return {"y": "/dev/zero"}
        if kind == "group":
            return {"y": "/etc/group"}
        if kind == "none":
            return {"other": 1}

    def _copy(self, path):
        content = pathlib.Path(path).read_text()
        pathlib.Path("copy.txt").write_text(content)
        return content
