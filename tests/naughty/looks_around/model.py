import os
import socket
import subprocess


class Model:
    def __init__(self, base_directory, context):
        self.base_directory = base_directory
        self.context = context

    def request(self, data):
        kind = data["x"]
        if kind == "environment":
            return {"y": dict(os.environ)}
        if kind == "launcher environment":
            return {"y": open("/proc/1/environ", "rb").read().decode()}
        if kind == "context":
            return {"y": self.context, "base": self.base_directory, "cwd": os.getcwd()}
        if kind == "user":
            return {"y": [os.getuid(), os.getgid()]}
        if kind == "capabilities":
            return {"y": [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")]}
        if kind == "processes":
            return {"y": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())}
        if kind == "limits":
            return {"y": open("/proc/self/limits").read()}
        if kind.startswith("list "):
            return {"y": sorted(os.listdir(kind[5:]))}
        if kind.startswith("write "):
            with open(kind[6:], "w") as file:
                file.write("x")
            return {"y": "written"}
        if kind.startswith("read "):
            with open(kind[5:]) as file:
                return {"y": file.read()}
        if kind.startswith("run "):
            done = subprocess.run(kind[4:], shell=True, capture_output=True, text=True)
            return {"y": done.returncode}
