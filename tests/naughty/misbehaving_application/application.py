"""An application that does what its params say, good and bad."""

import os
import subprocess
import sys
import threading
import time


def run(inputs, outputs, params, logger):
    return globals()[params["do"]](inputs, outputs, params, logger)


def copy(inputs, outputs, params, logger):
    logger.info("copying %s", params["name"])
    (outputs / "folder").mkdir()
    (outputs / "folder" / params["name"]).write_bytes((inputs / params["name"]).read_bytes())
    return {"size": (inputs / params["name"]).stat().st_size}


def nothing(inputs, outputs, params, logger):
    return None


def logs(inputs, outputs, params, logger):
    folder = os.environ["QUINTA_LOG_FOLDER"]
    with open(os.path.join(folder, "own.log"), "w") as file:
        file.write("of the code")
    with open(os.path.join(folder, "execution.log"), "w") as file:
        file.write("pretends to be the platform's")
    print("printed")
    logger.error("logged")
    return 1


def large(inputs, outputs, params, logger):
    return "x" * params["size"]


def fail(inputs, outputs, params, logger):
    (outputs / "half.txt").write_text("half")
    raise ValueError("no good")


def leave(inputs, outputs, params, logger):
    os._exit(3)


def call_exit(inputs, outputs, params, logger):
    sys.exit("enough")


def hang(inputs, outputs, params, logger):
    print("hanging", flush=True)
    time.sleep(3600)


def grow(inputs, outputs, params, logger):
    kept = []
    while True:
        kept.append(bytearray(b"x" * (8 << 20)))


def fill(inputs, outputs, params, logger):
    with open(str(outputs / "large"), "wb") as file:
        while True:
            file.write(b"x" * (1 << 20))


def write_inputs(inputs, outputs, params, logger):
    try:
        (inputs / "new").write_text("x")
    except OSError as error:
        return type(error).__name__
    return "written"


def link(inputs, outputs, params, logger):
    (outputs / "to_file").symlink_to(params["target"])
    (outputs / "to_folder").symlink_to("/")
    os.mkfifo(str(outputs / "pipe"))
    (outputs / "real").write_text("real")
    return "linked"


def replace_folder(inputs, outputs, params, logger):
    os.rename(str(outputs), str(outputs) + "-gone")
    os.symlink(params["target"], str(outputs))
    return "replaced"


def close_folder(inputs, outputs, params, logger):
    (outputs / "kept").write_text("kept")
    (outputs / "closed").mkdir()
    (outputs / "closed" / "kept").write_text("kept")
    (outputs / "closed").chmod(0)
    outputs.chmod(0)
    return "closed"


def stay(inputs, outputs, params, logger):
    """Leaves processes and threads behind that go on writing."""
    code = "import sys, time\nwhile True:\n    open(sys.argv[1], 'a').write('x')\n    time.sleep(0.001)\n"
    subprocess.Popen([sys.executable, "-c", code, str(outputs / "late")], start_new_session=True)

    def write():
        while True:
            (outputs / "thread").write_text("x")
            time.sleep(0.001)

    threading.Thread(target=write).start()
    while not (outputs / "late").exists() or not (outputs / "thread").exists():
        time.sleep(0.001)
    return "stayed"


def spill(inputs, outputs, params, logger):
    for folder, count in ((str(outputs), params["output"]), (os.environ["QUINTA_LOG_FOLDER"], params["logs"])):
        for number in range(count):
            with open(os.path.join(folder, str(number)), "w") as file:
                file.write("x")
    return "spilt"
