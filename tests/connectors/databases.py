"""PostgreSQL and MariaDB as they are met in the field: with passwords, and users of few rights."""

from __future__ import annotations

import asyncio
import glob
import time
from pathlib import Path
from typing import Any

import asyncpg
import pymysql

from tests.connectors.servers import Launch, as_user, free_port, program, run

PASSWORD = "p@ss;word=1%"
"""Each sign of it means something to somebody on the way."""
_CONNECT_SECONDS = 30
_MARIADB_SQL = Path("/usr/share/mysql")
_MARIADB_TABLES = ("system_tables", "performance_tables", "system_tables_data")


def prepare_postgresql(folder: Path) -> Launch:
    port = free_port()
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1:]
    user = as_user("postgres", folder)
    password = folder / "password"
    password.write_text(PASSWORD)
    if user:
        password.chmod(0o644)
    data = str(folder / "data")
    signs = ["--auth-host=scram-sha-256", "--auth-local=reject", f"--pwfile={password}", "--username=admin"]
    run(*user, program("initdb", *programs), "-D", data, *signs, "--no-sync", "--locale=C.UTF-8", folder=folder)
    settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off"]
    options = [part for setting in settings for part in ("-c", setting)]
    command = [*user, program("postgres", *programs), "-D", data, *options]
    return Launch([command], [port], {"port": port})


def finish_postgresql(facts: dict[str, Any]) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # not the test's loop
        runner.run(_finish_postgresql(facts["port"]))


async def _finish_postgresql(port: int) -> None:
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:  # it listens before it lets anybody in
        try:
            connection = await asyncpg.connect(postgresql_url(port))
            break
        except asyncpg.CannotConnectNowError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    await connection.execute(f"CREATE ROLE writer LOGIN PASSWORD '{PASSWORD}'")
    await connection.close()


def postgresql_url(port: int, user: str = "admin") -> str:
    return f"postgresql://{user}:{PASSWORD.replace('%', '%25').replace('@', '%40')}@127.0.0.1:{port}/postgres"


def prepare_mariadb(folder: Path) -> Launch:
    """By the server's own program alone, in a folder: Debian's package of it starts no service."""
    port, data = free_port(), folder / "data"
    data.mkdir()
    user = as_user("nobody", folder, data)
    server = [*user, program("mariadbd"), "--no-defaults", f"--datadir={data}", "--innodb-log-file-size=8M"]
    server += ["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]
    tables = [(_MARIADB_SQL / f"mysql_{name}.sql").read_text() for name in _MARIADB_TABLES]
    bootstrap = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n" + "".join(tables)
    run(*server, "--bootstrap", folder=folder, text=bootstrap)
    first = folder / "first.sql"
    first.write_text(
        "ALTER USER root@localhost ACCOUNT LOCK;\n"
        f"CREATE USER admin@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;\n"
        f"CREATE USER writer@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
    )
    first.chmod(0o644)
    server += [f"--init-file={first}", "--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket"]
    server += [f"--pid-file={folder}/pid", "--character-set-server=utf8mb4"]
    return Launch([server], [port], {"port": port})


def mariadb(port: int, database: str | None = None) -> pymysql.Connection[Any]:
    """Signed in as who may do everything."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user="admin", password=PASSWORD, database=database, autocommit=True
    )


def finish_mariadb(facts: dict[str, Any]) -> None:
    mariadb(facts["port"]).close()
