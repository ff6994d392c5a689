"""The data folder: whose it is, what its file system can do, how much room there is, and the keyring in it."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from quinta.cli.checks.finding import Finding, failure, ok, warning
from quinta.cli.tables import size
from quinta.settings import Settings
from quinta.storage.secrets import KeyringRefused, SealedSecrets

_LEAST_BYTES: Final = 256 << 20
_WANTED_BYTES: Final = 5 << 30
"""An environment with a large framework takes 1 to 5 GB."""
_LEAST_FILES: Final = 10_000
_WANTED_FILES: Final = 200_000
"""An environment with a scientific stack has 20,000 to 60,000 files."""


def check_folder(settings: Settings) -> list[Finding]:
    """Everything about the folder; checks that need it stop where it cannot be used."""
    data, there = settings.data, settings.data
    while not there.exists():
        there = there.parent
    if (refused := _usable(data, there)) is not None:
        return [refused]
    found = [_whose(data, there), *_probe(there), *_room(there), _one_file_system(data), _keyring(settings)]
    return [*found, *_object_store(settings)]


def _usable(data: Path, there: Path) -> Finding | None:
    if not there.is_dir():
        return failure("data folder", f"{there} is not a folder", "choose another folder with --data")
    if not os.access(there, os.W_OK | os.X_OK):
        what = "cannot be written to" if there == data else f"cannot be made: {there} cannot be written to"
        return failure("data folder", f"{data} {what} by this user", "run this as the server's user, or choose another")
    return None


def _whose(data: Path, there: Path) -> Finding:
    if there != data:
        return ok("data folder", f"{data} is not there yet: the first start makes it")
    found = data.stat()
    if found.st_uid != os.geteuid():
        return failure(
            "data folder",
            f"{data} belongs to user {found.st_uid}, and this command runs as user {os.geteuid()}",
            "run it, and the server, as the folder's user",
        )
    if found.st_mode & 0o077:
        return warning("data folder", f"{data} may be entered by other users of the machine", f"chmod 700 {data}")
    return ok("data folder", f"{data} is for the server's user only")


def _probe(there: Path) -> Iterator[Finding]:
    """Tries what the server does with files, in a folder of its own that is removed again."""
    try:
        with tempfile.TemporaryDirectory(prefix=".quinta-doctor-", dir=there) as name:
            folder = Path(name)
            yield _locks(folder)
            yield _links(folder)
            yield _sockets(folder)
    except OSError as error:
        yield failure("file system", f"a file in {there} cannot be used: {error.strerror}", "repair the file system")


def _locks(folder: Path) -> Finding:
    with (folder / "lock").open("w") as first, (folder / "lock").open("w") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ok("locks", "files can be locked")
        except OSError as error:
            said = f"files cannot be locked: {error.strerror}"
        else:
            said = "the file system gives one lock to two holders"
    return failure("locks", said, "put the data folder on a local file system (ext4, xfs, btrfs)")


def _links(folder: Path) -> Finding:
    (folder / "one").write_bytes(b"1")
    try:
        os.link(folder / "one", folder / "two")
        (folder / "three").symlink_to("one")
    except OSError as error:
        return failure(
            "links",
            f"the file system has no links: {error.strerror}",
            "put the data folder on a local file system (ext4, xfs, btrfs): environments are made of links",
        )
    return ok("links", "hard and symbolic links can be made")


def _sockets(folder: Path) -> Finding:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"/proc/self/fd/{descriptor}/socket")
    except OSError as error:
        return warning(
            "sockets",
            f"the file system has no sockets: {error.strerror}",
            "quinta status will not reach the server: put the data folder on a local file system",
        )
    finally:
        os.close(descriptor)
    return ok("sockets", "sockets can be made")


def _room(there: Path) -> Iterator[Finding]:
    found = os.statvfs(there)
    free = found.f_bavail * found.f_frsize
    said = f"{size(free)} are free where the data folder is"
    advice = "free some space, or put the data folder on a larger file system"
    if free < _LEAST_BYTES:
        yield failure("disk space", said, advice)
    elif free < _WANTED_BYTES:
        yield warning("disk space", f"only {said}: a build may need several gigabytes", advice)
    else:
        yield ok("disk space", said)
    if not found.f_files:  # a file system that does not count them
        return
    said = f"{found.f_favail:,} more files can be made"
    if found.f_favail < _LEAST_FILES:
        yield failure("inodes", f"only {said}", advice)
    elif found.f_favail < _WANTED_FILES:
        yield warning("inodes", f"only {said}: an environment may have 60,000", advice)
    else:
        yield ok("inodes", said)


def _object_store(settings: Settings) -> Iterator[Finding]:
    """Only what lies outside the data folder: what is inside has been looked at."""
    url = urlsplit(settings.storage_url)
    if url.scheme != "file":
        yield failure("storage", "QUINTA_STORAGE_URL is no file:/// URL", "name a folder, such as file:///srv/objects")
        return
    there = folder = Path(unquote(url.path))
    if folder.is_relative_to(settings.data):
        return
    while not there.exists():
        there = there.parent
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yield ok("storage", f"packages and blobs are kept in {folder}")
    else:
        yield failure("storage", f"{there} cannot be written to by this user", "let the server's user write there")


def _one_file_system(data: Path) -> Finding:
    instances, staging = data / "instances", data / "staging"
    if instances.exists() and staging.exists() and instances.stat().st_dev != staging.stat().st_dev:
        return failure(
            "file systems",
            f"{instances} and {staging} are on different file systems: inputs are moved between them",
            "put both on one file system",
        )
    return ok("file systems", "instances and staging are on one file system")


def _keyring(settings: Settings) -> Finding:
    file = settings.data / "secrets.key"
    if settings.secrets_key is None and not file.exists():
        if (settings.data / "quinta.db").exists():
            return warning(
                "keyring",
                f"{file} is not there: what it sealed in the database cannot be opened by anybody",
                "put the key back from the backup before the next start, which makes a new one otherwise",
            )
        return ok("keyring", "the first start makes a key for secrets")
    try:
        SealedSecrets(file, settings.secrets_key).load()
    except KeyringRefused as refusal:
        return failure("keyring", str(refusal), "mend the keyring as docs/operating.md says under Secrets")
    except OSError as error:
        return failure("keyring", f"{file} cannot be read: {error.strerror}", "run this as the server's user")
    where = "QUINTA_SECRETS_KEY" if settings.secrets_key is not None else str(file)
    return ok("keyring", f"the key for secrets is in {where}")
