"""What every server in the comparison runs. Standard library only: each peer imports it in its own environment."""

import time


def answer(data):
    """``{"input": x}`` gives x back, ``{"text": s}`` the length of s, ``{"seconds": t}`` t after sleeping that long."""
    if "text" in data:
        return {"output": float(len(data["text"]))}
    if "seconds" in data:
        time.sleep(data["seconds"])
        return {"output": data["seconds"]}
    return {"output": data["input"]}
