"""The types of connectors, and the parameters that each asks for (contract ubiops 9.1, decision 0014)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quinta.core.connectors.model import ConnectorInput, ConnectorType


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """One parameter: ``pattern`` is a regular expression that the whole value must match, the same in Python and in
    JavaScript. Without a ``default`` the parameter must be given. ``protected`` values are never shown.

    ``input_field`` is the kind of HTML input that a form asks for it with.
    """

    name: str
    title: str
    description: str
    pattern: str
    default: str | None = None
    protected: bool = False
    input_field: str = "text"


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """What one type takes, and what it and its credentials must be told."""

    input_type: ConnectorInput
    credentials: tuple[ParameterRule, ...]
    configuration: tuple[ParameterRule, ...]


_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,252}[A-Za-z0-9])?"
_LINE = r"[^\x00-\x1f\x7f]"
_KEYS = r"[\x21-\x7e]"
_PATH = r"(?!(.*/)?\.{1,2}(/|$))[A-Za-z0-9!_.*'()/= -]{0,512}"


def _endpoint(service: str) -> ParameterRule:
    return ParameterRule(
        "endpoint_url",
        "Endpoint",
        f"Address of a server that speaks {service}; leave it empty for the public service",
        r"(https?://[A-Za-z0-9.:_\[\]-]+(/[A-Za-z0-9._/-]*)?)?",
        default="",
        input_field="url",
    )


def _name(name: str, title: str, pattern: str, default: str | None = None) -> ParameterRule:
    return ParameterRule(name, title, f"Name of the {title.lower()} to write to", pattern, default)


_ACCESS_KEYS = (
    ParameterRule("access_key", "Access key", "Id of the access key", _KEYS + "{1,128}", protected=True),
    ParameterRule(
        "secret_key",
        "Secret key",
        "Secret of the access key",
        _KEYS + "{1,256}",
        protected=True,
        input_field="password",
    ),
    ParameterRule("region", "Region", "Region of the service, such as eu-central-1", r"[a-z0-9-]{1,32}"),
)
_JSON_KEY = ParameterRule(
    "json_key_file",
    "JSON key file",
    "Content of the JSON key file of a service account",
    r"\s*\{[\s\S]{2,16000}\}\s*",
    protected=True,
    input_field="textarea",
)
_PATH_PREFIX = ParameterRule(
    "path_prefix", "Path prefix", "Folder that files are written to; empty for none", _PATH, default=""
)


def _sign_in(port: str) -> tuple[ParameterRule, ...]:
    return (
        ParameterRule("username", "User name", "User to sign in as", _LINE + "{1,128}"),
        ParameterRule(
            "password", "Password", "Password of the user", _LINE + "{1,1024}", protected=True, input_field="password"
        ),
        ParameterRule("host", "Host", "Host name or address of the server", _HOST),
        ParameterRule("port", "Port", "Port of the server", _PORT, default=port, input_field="number"),
    )


KINDS: Mapping[ConnectorType, ConnectorKind] = {
    ConnectorType.AWS_KINESIS: ConnectorKind(
        ConnectorInput.STRUCTURED,
        (*_ACCESS_KEYS, _endpoint("Kinesis")),
        (_name("stream", "Stream", r"[A-Za-z0-9_.-]{1,128}"),),
    ),
    ConnectorType.AWS_S3: ConnectorKind(
        ConnectorInput.BLOB,
        (*_ACCESS_KEYS, _endpoint("S3")),
        (_name("bucket", "Bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), _PATH_PREFIX),
    ),
    ConnectorType.AZURE_BLOB_STORAGE: ConnectorKind(
        ConnectorInput.BLOB,
        (
            ParameterRule(
                "connection_string",
                "Connection string",
                "Connection string of the storage account, with its key",
                _LINE + "{1,4096}",
                protected=True,
                input_field="password",
            ),
        ),
        (
            _name("container", "Container", r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
            _PATH_PREFIX,
            ParameterRule(
                "timeout",
                "Time-out",
                "Seconds that one request to the store may take, from 1 to 120",
                r"[1-9][0-9]?|1[01][0-9]|120",
                default="10",
                input_field="number",
            ),
        ),
    ),
    ConnectorType.GCP_BIGQUERY: ConnectorKind(
        ConnectorInput.STRUCTURED,
        (_JSON_KEY, _endpoint("the API of BigQuery")),
        (_name("dataset", "Dataset", r"[A-Za-z0-9_]{1,1024}"), _name("table", "Table", r"[A-Za-z0-9_-]{1,1024}")),
    ),
    ConnectorType.GCP_CLOUD_STORAGE: ConnectorKind(
        ConnectorInput.BLOB,
        (_JSON_KEY, _endpoint("the JSON API of Cloud Storage")),
        (_name("bucket", "Bucket", r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"), _PATH_PREFIX),
    ),
    ConnectorType.MYSQL: ConnectorKind(
        ConnectorInput.STRUCTURED,
        _sign_in("3306"),
        (_name("database", "Database", _LINE + "{1,64}"), _name("table", "Table", _LINE + "{1,64}")),
    ),
    ConnectorType.POSTGRESQL: ConnectorKind(
        ConnectorInput.STRUCTURED,
        _sign_in("5432"),
        (
            _name("database", "Database", _LINE + "{1,63}"),
            _name("schema", "Schema", _LINE + "{1,63}", "public"),
            _name("table", "Table", _LINE + "{1,63}"),
        ),
    ),
}
