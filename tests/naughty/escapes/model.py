"""Makes the attempts that packages must fail in, one a request, and reports what it got."""

import ctypes
import errno
import glob
import mmap
import multiprocessing
import os
import socket
import struct
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
KEEP = []


def system_call(number, *arguments):
    words = [argument if isinstance(argument, bytes) else ctypes.c_long(argument) for argument in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def read(path):
    with open(path, "rb") as file:
        return repr(file.read(100))


def write(path):
    with open(path, "wb") as file:
        file.write(b"x")
    return "written"


def append(path):
    with open(path, "ab") as file:
        file.write(b"x")
    return "written"


def others():
    mine = {1, os.getpid(), os.getppid()}
    seen = sorted({int(name) for name in os.listdir("/proc") if name.isdigit()} - mine)
    return nothing_or(seen)


def nothing_or(found):
    if found:
        return found
    raise OSError(errno.ENOENT, "nothing there")


def environments(secret):
    found = []
    for path in [*glob.glob("/proc/[0-9]*/environ"), "/proc/%d/environ" % os.getppid(), "/proc/1/environ"]:
        try:
            if secret.encode() in open(path, "rb").read():
                found.append(path)
        except OSError:
            continue
    return nothing_or(found)


def connect(family, address, kind="SOCK_STREAM"):
    if isinstance(address, list):
        address = tuple(address)
    with socket.socket(getattr(socket, family), getattr(socket, kind)) as own:
        own.settimeout(10)
        own.connect(address)
        return "connected"


def any_socket(family, kind, protocol):
    return system_call_socket(family, kind, protocol)


def system_call_socket(family, kind, protocol):
    descriptor = LIBC.socket(family, kind, protocol)
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    os.close(descriptor)
    return "a socket"


def look_up(name):
    try:
        return socket.getaddrinfo(name, 80)[0][4]
    except socket.gaierror as error:
        raise OSError(errno.EHOSTUNREACH, str(error))


def listen(family, address):
    own = socket.socket(getattr(socket, family))
    own.bind(tuple(address) if isinstance(address, list) else address)
    own.listen()
    KEEP.append(own)
    return own.getsockname()[1] if family != "AF_UNIX" else "listening"


def signal_by_pidfd(process):
    descriptor = os.pidfd_open(process)
    import signal

    signal.pidfd_send_signal(descriptor, 0)
    return "signalled"


def kill(process):
    os.kill(process, 0)
    return "could be signalled"


def kill_parent():
    return kill(os.getppid())


def limits_of(number, process):
    return system_call(number, process, 7, 0, 0)


def trace(number, request, process):
    return system_call(number, request, process, 0, 0)


def read_memory(number, process):
    own = ctypes.create_string_buffer(8)
    pieces = struct.pack("@PL", ctypes.addressof(own), 8)
    return system_call(number, process, pieces, 1, struct.pack("@PL", 0x400000, 8), 1, 0)


def set_id(path, by):
    if by == "chmod":
        write(path)
        os.chmod(path, 0o4755)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o4755))
    return oct(os.stat(path).st_mode)


def node(path):
    os.mknod(path, 0o20666, os.makedev(1, 1))
    return "made"


def set_namespace(kind):
    with open("/proc/self/ns/" + kind) as own:
        if LIBC.setns(own.fileno(), 0) < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    return "entered"


def insert_terminal_input():
    import fcntl
    import pty

    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, 0x5412, b"x")
        return "inserted"
    finally:
        os.close(ours)
        os.close(theirs)


def shared_memory(number, key, flags):
    return system_call(number, key, 4096, flags)


def queue(number, flags):
    return system_call(number, b"quinta-escapes\0", flags, 0o666, 0)


def beyond_file_size(path, size):
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        return os.pwrite(descriptor, b"x", size)
    finally:
        os.close(descriptor)
        os.unlink(path)


def fill(path, size):
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, size)
        return "filled"
    finally:
        os.close(descriptor)
        os.unlink(path)


def take_disk(kind, count):
    if kind == "one file":
        write_bytes("large", count)
    elif kind == "a file without a name":
        KEEP.append(write_bytes("large", count))
        os.unlink("large")
    elif kind == "a mapping without a name":
        with write_bytes("large", count) as file:
            KEEP.append(mmap.mmap(file.fileno(), count))
        os.unlink("large")
    elif kind == "many files":
        os.mkdir("many")
        for number in range(count):
            write("many/%d" % number)
        os.chmod("many", 0)
    time.sleep(3600)


def write_bytes(path, count):
    file = open(path, "w+b")
    while count > 0:
        count -= file.write(b"x" * (1 << 20))
    file.flush()
    return file


def descriptors_without_end():
    held = []
    try:
        while len(held) < 100000:
            held.append(os.dup(0))
        return len(held)
    finally:
        for descriptor in held:
            os.close(descriptor)


def outlive():
    for _ in range(3):
        subprocess.Popen(["setsid", "sleep", "3600"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    return "started"


def own_descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue
    return found


# What must go on working.


def own_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
        with socket.create_connection(server.getsockname(), timeout=10) as client:
            return client.recv(5).decode()


def own_unix_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            os.unlink(path)
            return "connected"


def own_abstract_socket():
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("\0quinta-escapes-own")
        server.listen()
        client.connect("\0quinta-escapes-own")
        return "connected"


def own_children():
    child = subprocess.Popen(["sleep", "3600"])
    child.terminate()
    return child.wait()


def own_pool():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-1, -2, -3])


def own_manager():
    with multiprocessing.Manager() as manager:
        values = manager.dict()
        values["x"] = 1
        return dict(values)


def own_shared_memory():
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory(create=True, size=100)
    try:
        block.buf[0] = 7
        return block.buf[0]
    finally:
        block.close()
        block.unlink()


def own_threads():
    done = []
    threads = [threading.Thread(target=done.append, args=(x,)) for x in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done)


def own_event_loop():
    import asyncio

    async def main():
        process = await asyncio.create_subprocess_exec("echo", "hello", stdout=subprocess.PIPE)
        said, _ = await process.communicate()
        return said.decode().strip()

    return asyncio.run(main())


def own_memory():
    with mmap.mmap(-1, 1 << 20) as block:
        block[0] = 1
        return block[0]


def own_files(folder):
    path = os.path.join(folder, "own")
    write(path)
    os.link(path, path + ".link")
    os.rename(path + ".link", path + ".moved")
    os.symlink(path, path + ".symbolic")
    os.makedirs(os.path.join(folder, "a", "b"))
    os.chmod(path, 0o700)
    size = os.stat(path + ".moved").st_size
    for left in (path, path + ".moved", path + ".symbolic"):
        os.unlink(left)
    os.removedirs(os.path.join(folder, "a", "b"))
    return size


def own_output():
    for path in ("/dev/stdout", "/dev/stderr"):
        with open(path, "w") as stream:
            stream.write("said\n")
    return "said"


def own_name():
    import getpass
    import pwd

    os.environ.pop("USER", None)
    return [getpass.getuser() != "", pwd.getpwuid(os.getuid()).pw_name != ""]


def run_python():
    done = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr


class Model:
    def request(self, data):
        attempt = dict(data["x"])
        name = attempt.pop("do")
        call = globals().get(name) or getattr(os, name)
        positional = [bytes(a["bytes"], "latin-1") if isinstance(a, dict) else a for a in attempt.pop("with", [])]
        try:
            result = call(*positional, **attempt)
        except OSError as error:
            return {"y": errno.errorcode.get(error.errno, str(error))}
        return {"y": {"got": result if isinstance(result, (int, str, list, dict)) else repr(result)}}
