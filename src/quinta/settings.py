"""Settings: one frozen object, made once from the environment. The only reader of the environment.

Every variable starts with ``QUINTA_`` and is described in docs/operating.md, which a test compares with this file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

_ADMINISTRATOR_EMAIL = "admin@quinta.local"
_BODY_BYTES = 16 * 2**20
_UPLOAD_BYTES = 2 * 2**30
_QUEUE_REQUESTS = 1_000
_RATE_LIMIT = 100
_DATASET_BUDGET = 1_000
_QUERY_MEMORY_MEGABYTES = 1_024
_QUERY_PROCESSES = 2
_QUERY_TIME_LIMIT_SECONDS = 300
_RUN_MEMORY_MEGABYTES = 1_024
_RUN_REQUIREMENTS = ("numpy",)
_RUN_TIME_LIMIT_SECONDS = 14_400
_WEBHOOK_RETRY_SECONDS = 40
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?([=!~<>]=?=?[A-Za-z0-9.*+!,=~<>-]+)?")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_BUILD_PREFIXES = ("UV_", "PIP_", "SSL_CERT_", "REQUESTS_CA_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class SettingsError(ValueError):
    """A variable has a value that cannot be used; the message names it and says what is allowed."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """The first administrator, made at a start without a staff account. None: generated and printed once."""

    email: str = _ADMINISTRATOR_EMAIL
    password: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the server is told. ``data`` is the folder for everything it keeps; sizes in bytes, times in seconds.

    ``pythons``, ``search_path`` (the form of PATH) and ``home`` say where interpreters for packages are looked for;
    ``instance_memory_megabytes`` is what all instances may be allocated; None: a share of the machine's memory;
    ``queue_requests`` is how many direct requests may wait for one version;
    ``rate_limit`` is how many calls a key may make in a minute where calls are counted; 0: any number;
    ``connector_networks`` are those inside that connectors may reach;
    ``instance_network`` says whether instances share the machine's network;
    ``webhook_retry_seconds`` is the wait after a webhook's first failed try, which doubles with each of the next three;
    ``webhook_private`` says whether webhooks may call addresses that are not public;
    ``run_requirements`` are in the environment of every run on datasets, beside what its project asks for;
    ``time_zone`` is the zone of times and numbers that have none on the wire;
    ``dataset_folders`` are those whose files may be registered as datasets, none: any that the server can read;
    ``dataset_budget`` is the epsilon of datasets whose metadata say none;
    ``query_processes`` answer private queries, one each at a time, within the memory and the time of the other two;
    ``secrets_key`` is the keyring that seals secrets; None: the one in the data folder.
    ``build_environment`` holds the operator's variables for package installation, handed to builds as they are.
    """

    data: Path
    database_url: str
    storage_url: str
    administrator: Administrator = Administrator()
    activate_accounts: bool = True
    require_sandbox: bool = False
    instance_network: bool = False
    pythons: tuple[Path, ...] = ()
    search_path: str = "/usr/local/bin:/usr/bin:/bin"
    home: Path | None = None
    maximum_body_bytes: int = _BODY_BYTES
    maximum_upload_bytes: int = _UPLOAD_BYTES
    slow_caller_seconds: float = 30.0
    start_timeout_seconds: float = 120.0
    instance_memory_megabytes: int | None = None
    queue_requests: int = _QUEUE_REQUESTS
    build_timeout_seconds: float = 1_800.0
    rate_limit: int = _RATE_LIMIT
    connector_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    webhook_retry_seconds: float = _WEBHOOK_RETRY_SECONDS
    webhook_private: bool = False
    run_requirements: tuple[str, ...] = _RUN_REQUIREMENTS
    run_memory_megabytes: int = _RUN_MEMORY_MEGABYTES
    run_time_limit_seconds: int = _RUN_TIME_LIMIT_SECONDS
    time_zone: tzinfo = UTC
    dataset_folders: tuple[Path, ...] = ()
    dataset_budget: int = _DATASET_BUDGET
    query_processes: int = _QUERY_PROCESSES
    query_memory_megabytes: int = _QUERY_MEMORY_MEGABYTES
    query_time_limit_seconds: int = _QUERY_TIME_LIMIT_SECONDS
    secrets_key: str | None = field(default=None, repr=False)
    build_environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the command ``dq0`` is told: ``folder`` keeps proxies, keys and the session of one person."""

    folder: Path


def read_gateway_settings(environment: Mapping[str, str] | None = None) -> GatewaySettings:
    """The settings of the person who runs the command."""
    given = os.environ if environment is None else environment
    home = Path(given["HOME"]) if given.get("HOME") else Path.home()
    folder = Path(given.get("QUINTA_GATEWAY_FOLDER") or home / ".dq0")
    return GatewaySettings(folder.expanduser().resolve())


def read_settings(
    data: Path, *, require_sandbox: bool = False, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings for the data folder ``data``; SettingsError for a value that cannot be used."""
    given = os.environ if environment is None else environment
    data = data.expanduser().resolve()
    return Settings(
        data=data,
        database_url=given.get("QUINTA_DATABASE_URL") or f"sqlite+aiosqlite:///{data / 'quinta.db'}",
        storage_url=given.get("QUINTA_STORAGE_URL") or (data / "objects").as_uri(),
        administrator=Administrator(
            email=given.get("QUINTA_ADMIN_EMAIL") or _ADMINISTRATOR_EMAIL,
            password=given.get("QUINTA_ADMIN_PASSWORD") or None,
            token=given.get("QUINTA_ADMIN_TOKEN") or None,
        ),
        activate_accounts=_flag(given, "QUINTA_ACTIVATE_ACCOUNTS", default=True),
        require_sandbox=require_sandbox or _flag(given, "QUINTA_REQUIRE_SANDBOX", default=False),
        instance_network=_choice(given, "QUINTA_INSTANCE_NETWORK", ("none", "host")) == "host",
        pythons=tuple(Path(part) for part in given.get("QUINTA_PYTHONS", "").split(os.pathsep) if part),
        search_path=given.get("PATH") or "/usr/local/bin:/usr/bin:/bin",
        home=Path(given["HOME"]) if given.get("HOME") else None,
        maximum_body_bytes=_number(given, "QUINTA_MAXIMUM_BODY_BYTES", _BODY_BYTES),
        maximum_upload_bytes=_number(given, "QUINTA_MAXIMUM_UPLOAD_BYTES", _UPLOAD_BYTES),
        slow_caller_seconds=_number(given, "QUINTA_SLOW_CALLER_SECONDS", 30),
        start_timeout_seconds=_number(given, "QUINTA_START_TIMEOUT_SECONDS", 120),
        instance_memory_megabytes=_number(given, "QUINTA_INSTANCE_MEMORY_MB", 0) or None,
        queue_requests=_number(given, "QUINTA_QUEUE_REQUESTS", _QUEUE_REQUESTS),
        build_timeout_seconds=_number(given, "QUINTA_BUILD_TIMEOUT_SECONDS", 1_800),
        rate_limit=_number(given, "QUINTA_RATE_LIMIT", _RATE_LIMIT, least=0),
        connector_networks=_networks(given, "QUINTA_CONNECTOR_NETWORKS"),
        webhook_retry_seconds=_number(given, "QUINTA_WEBHOOK_RETRY_SECONDS", _WEBHOOK_RETRY_SECONDS),
        webhook_private=_flag(given, "QUINTA_WEBHOOK_ALLOW_PRIVATE", default=False),
        run_requirements=_requirements(given, "QUINTA_RUN_REQUIREMENTS"),
        run_memory_megabytes=_number(given, "QUINTA_RUN_MEMORY_MB", _RUN_MEMORY_MEGABYTES),
        run_time_limit_seconds=_number(given, "QUINTA_RUN_TIME_LIMIT_SECONDS", _RUN_TIME_LIMIT_SECONDS),
        time_zone=_zone(given, "QUINTA_TIME_ZONE"),
        dataset_folders=_folders(given, "QUINTA_DATASET_FOLDERS"),
        dataset_budget=_number(given, "QUINTA_DATASET_BUDGET", _DATASET_BUDGET, least=0, most=1_000_000_000),
        query_processes=_number(given, "QUINTA_QUERY_PROCESSES", _QUERY_PROCESSES, most=64),
        query_memory_megabytes=_number(given, "QUINTA_QUERY_MEMORY_MB", _QUERY_MEMORY_MEGABYTES),
        query_time_limit_seconds=_number(given, "QUINTA_QUERY_TIME_LIMIT_SECONDS", _QUERY_TIME_LIMIT_SECONDS),
        secrets_key=given.get("QUINTA_SECRETS_KEY") or None,
        build_environment={name: value for name, value in given.items() if name.upper().startswith(_BUILD_PREFIXES)},
    )


def _flag(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = given.get(name, "").strip().lower()
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise SettingsError(f"{name} must be true or false, not '{given[name]}'")
    return value in _TRUE


def _choice(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of ``allowed``, whose first is the default."""
    value = given.get(name, "").strip().lower() or allowed[0]
    if value not in allowed:
        raise SettingsError(f"{name} must be {' or '.join(allowed)}, not '{given[name]}'")
    return value


def _number(given: Mapping[str, str], name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
    value = given.get(name, "").strip()
    if not value:
        return default
    if not value.isdecimal() or int(value) < least or (most is not None and int(value) > most):
        limits = "above 0" if least else ("from 0 on" if most is None else f"from 0 to {most}")
        raise SettingsError(f"{name} must be a whole number {limits}, not '{value}'")
    return int(value)


def _folders(given: Mapping[str, str], name: str) -> tuple[Path, ...]:
    """Absolute paths, separated as in PATH."""
    folders = tuple(Path(part) for part in given.get(name, "").split(os.pathsep) if part)
    for folder in folders:
        if not folder.is_absolute():
            raise SettingsError(f"{name} must be absolute paths separated by '{os.pathsep}', not '{folder}'")
    return folders


def _networks(given: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part) for part in re.split(r"[\s,]+", given.get(name, "").strip()) if part)
    except ValueError as error:
        raise SettingsError(f"{name} must be networks such as 10.0.0.0/8, apart by commas: {error}") from None


def _requirements(given: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Distributions with versions, apart by spaces; the word ``none`` for none."""
    words = tuple(given.get(name, "").split()) or _RUN_REQUIREMENTS
    if words == ("none",):
        return ()
    for word in words:
        if not _REQUIREMENT.fullmatch(word):
            raise SettingsError(f"{name} must be distributions such as numpy>=2, apart by spaces, not '{word}'")
    return words


def _zone(given: Mapping[str, str], name: str) -> tzinfo:
    value = given.get(name, "").strip()
    if value.upper() in ("", "UTC"):  # which needs no data of the machine
        return UTC
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, the name of a folder of zones
        raise SettingsError(
            f"{name} must be the name of a time zone such as America/Sao_Paulo, not '{value}' "
            "(if that is one, install the package tzdata)"
        ) from None
