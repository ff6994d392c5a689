"""What callers are told, in both languages: the closed lists of codes and reasons, and the sentences for them
(contract versiontwo 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from quinta.dialects.versiontwo.language import Language


class Code(StrEnum):
    """What clients tell errors apart by."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"


class Problem(StrEnum):
    """What is wrong with a field: ``reason`` on the wire."""

    REQUIRED = "required"
    INVALID_TYPE = "invalid_type"
    INVALID_VALUE = "invalid_value"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    UNKNOWN = "unknown"
    ALREADY_EXISTS = "already_exists"
    IN_USE = "in_use"
    OUT_OF_RANGE = "out_of_range"


class Topic(StrEnum):
    """What a refusal without a field is about."""

    BODY = "body"
    SIZE = "size"
    CONTENT_TYPE = "content_type"
    METHOD = "method"
    PATH = "path"
    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    ID = "id"
    STATE = "state"
    LIMIT = "limit"
    WAIT = "wait"
    STOPPING = "stopping"
    FAULT = "fault"
    UNAVAILABLE = "unavailable"


class Both(NamedTuple):
    english: str
    portuguese: str

    def said(self, language: Language) -> str:
        return self.portuguese if language is Language.PORTUGUESE else self.english


class Kind(Both):
    """A kind of JSON value."""


STRING = Kind("a string", "um texto")
OBJECT = Kind("an object", "um objeto")
BOOLEAN = Kind("true or false", "true ou false")
INTEGER = Kind("a whole number", "um número inteiro")
STRINGS = Kind("a list of strings", "uma lista de textos")

_CODES: Mapping[Code, Both] = MappingProxyType(
    {
        Code.INVALID_REQUEST: Both("Invalid request parameters", "Parâmetros de requisição inválidos"),
        Code.UNAUTHORIZED: Both("Authentication required", "Autenticação necessária"),
        Code.FORBIDDEN: Both("Insufficient permissions", "Permissões insuficientes"),
        Code.NOT_FOUND: Both("Resource not found", "Recurso não encontrado"),
        Code.CONFLICT: Both("Resource conflict", "Conflito de recurso"),
        Code.RATE_LIMITED: Both("Rate limit exceeded", "Limite de taxa excedido"),
        Code.INTERNAL_ERROR: Both("Internal server error", "Erro interno do servidor"),
    }
)
"""How each message begins; the Portuguese ones are the document's."""

_PROBLEMS: Mapping[Problem, Both] = MappingProxyType(
    {
        Problem.REQUIRED: Both("'{field}' is required", "'{field}' é obrigatório"),
        Problem.INVALID_TYPE: Both("'{field}' must be {wanted}", "'{field}' deve ser {wanted}"),
        Problem.INVALID_VALUE: Both("'{field}' cannot have this value", "'{field}' não pode ter este valor"),
        Problem.TOO_LONG: Both("'{field}' must be shorter", "'{field}' deve ser mais curto"),
        Problem.TOO_SHORT: Both("'{field}' must not be empty", "'{field}' não pode ficar vazio"),
        Problem.UNKNOWN: Both("'{field}' names what is not known", "'{field}' indica algo desconhecido"),
        Problem.ALREADY_EXISTS: Both("'{field}' is taken already", "'{field}' já está em uso"),
        Problem.IN_USE: Both("'{field}' is in use", "'{field}' está em uso"),
        Problem.OUT_OF_RANGE: Both("'{field}' is out of range", "'{field}' está fora do intervalo permitido"),
    }
)

_AT_MOST = Both("'{field}' may have at most {most} characters", "'{field}' pode ter no máximo {most} caracteres")
_SCALING = Both(
    "'{field}' must be a whole number from 0 to 1000, and the minimum not above the maximum",
    "'{field}' deve ser um número inteiro de 0 a 1000, e o mínimo não pode passar do máximo",
)
_ENVIRONMENT = Both(
    "'{field}' must be a text of 1 to 100 printable characters",
    "'{field}' deve ser um texto de 1 a 100 caracteres imprimíveis",
)

_FIELDS: Mapping[tuple[Problem, str], Both] = MappingProxyType(
    {
        **{
            (Problem.OUT_OF_RANGE, f"{config}scaling.{end}_instances"): _SCALING
            for config in ("config.", "")
            for end in ("min", "max")
        },
        (Problem.INVALID_VALUE, "config.environment"): _ENVIRONMENT,
        (Problem.INVALID_VALUE, "environment"): _ENVIRONMENT,
        (Problem.INVALID_VALUE, "name"): Both(
            "'name' must be a text of 1 to 100 printable characters",
            "'name' deve ser um texto de 1 a 100 caracteres imprimíveis",
        ),
        (Problem.INVALID_VALUE, "version"): Both(
            "'version' must be printable, without a blank at either end",
            "'version' deve ser imprimível, sem espaços no começo ou no fim",
        ),
        (Problem.TOO_LONG, "config"): Both("'config' is too large", "'config' é grande demais: no máximo 64 KiB"),
        (Problem.INVALID_VALUE, "config"): Both(
            "'config' is nested too deeply, or has a number that cannot be kept",
            "'config' tem níveis demais (no máximo 20), ou um número que não pode ser guardado",
        ),
        (Problem.UNKNOWN, "version"): Both(
            "no model of the project has this version", "nenhum modelo do projeto tem esta versão"
        ),
        (Problem.UNKNOWN, "permissions"): Both(
            "permissions are read, write, deploy and *", "as permissões são read, write, deploy e *"
        ),
        (Problem.UNKNOWN, "events"): Both(
            "events are deployment.started, deployment.completed, deployment.failed and deployment.rolled_back",
            "os eventos são deployment.started, deployment.completed, deployment.failed e deployment.rolled_back",
        ),
        (Problem.UNKNOWN, "workspace_id"): Both("there is no such workspace", "não há um workspace com este id"),
        (Problem.INVALID_VALUE, "url"): Both(
            "the address cannot be called",
            "o endereço deve ser http ou https, e não apontar para dentro da rede do servidor",
        ),
        (Problem.INVALID_VALUE, "cursor"): Both(
            "a cursor is what 'next_cursor' of an earlier answer said", "um cursor é o 'next_cursor' de outra resposta"
        ),
        (Problem.INVALID_VALUE, "interval"): Both(
            "intervals are 1m, 5m and 1h, and a question has at most 10,000 of them",
            "os intervalos são 1m, 5m e 1h, no máximo 10.000 por consulta",
        ),
        (Problem.INVALID_VALUE, "level"): Both(
            "levels are debug, info, warn and error", "os níveis são debug, info, warn e error"
        ),
        (Problem.INVALID_VALUE, "status"): Both(
            "statuses are pending, in_progress, completed, failed and rolled_back",
            "os status são pending, in_progress, completed, failed e rolled_back",
        ),
        (Problem.INVALID_VALUE, "start_time"): Both(
            "'start_time' must be an ISO 8601 time", "'start_time' deve ser uma hora ISO 8601"
        ),
        (Problem.INVALID_VALUE, "end_time"): Both(
            "'end_time' must be an ISO 8601 time", "'end_time' deve ser uma hora ISO 8601"
        ),
        (Problem.OUT_OF_RANGE, "start_time"): Both(
            "'start_time' must be before 'end_time'", "'start_time' deve ser anterior a 'end_time'"
        ),
        (Problem.OUT_OF_RANGE, "end_time"): Both(
            "'end_time' must be after 'start_time'", "'end_time' deve ser posterior a 'start_time'"
        ),
        (Problem.OUT_OF_RANGE, "limit"): Both(
            "'limit' must be a whole number from 1 to {most}", "'limit' deve ser um número inteiro de 1 a {most}"
        ),
        (Problem.IN_USE, "deployment"): Both(
            "a deployment is in flight, or there is nothing to return to",
            "há uma implantação em andamento, ou nenhuma implantação concluída à qual voltar",
        ),
        (Problem.IN_USE, "api_key"): Both(
            "this is the last key that may do everything", "esta é a última chave que pode fazer tudo"
        ),
        (Problem.IN_USE, "workspace"): Both("projects refer to it", "há projetos neste workspace"),
    }
)

_TOPICS: Mapping[Topic, Both] = MappingProxyType(
    {
        Topic.BODY: Both("the body must be a JSON object", "o corpo deve ser um objeto JSON"),
        Topic.SIZE: Both("the body is too large", "o corpo é grande demais"),
        Topic.CONTENT_TYPE: Both(
            "the body's content type must be application/json", "o tipo do corpo deve ser application/json"
        ),
        Topic.METHOD: Both("this path does not take {method}", "este caminho não aceita {method}"),
        Topic.PATH: Both(
            "nothing is served at this path; the operations are listed at {where}",
            "não há nada neste caminho; as operações estão em {where}",
        ),
        Topic.CREDENTIALS: Both(
            "send the header 'Authorization: Bearer KEY' with a key that is not revoked",
            "envie o cabeçalho 'Authorization: Bearer CHAVE' com uma chave que não foi revogada",
        ),
        Topic.PERMISSION: Both(
            "this key, or its user, lacks a permission", "falta uma permissão a esta chave ou ao seu usuário"
        ),
        Topic.ID: Both(
            "there is nothing with this id, or it is not yours to see",
            "não há nada com este id, ou você não pode vê-lo",
        ),
        Topic.STATE: Both("its state forbids this now", "o estado atual não permite isto"),
        Topic.LIMIT: Both("a number that is limited is used up", "um número limitado já foi atingido"),
        Topic.WAIT: Both("seconds to wait: {wait}", "segundos a esperar: {wait}"),
        Topic.STOPPING: Both(
            "the server is stopping and has ended this call: send it again when it is back",
            "o servidor está parando e encerrou esta chamada: repita quando ele voltar",
        ),
        Topic.FAULT: Both(
            "the server's log has the details under this request's id",
            "os detalhes estão no log do servidor sob o id desta requisição",
        ),
        Topic.UNAVAILABLE: Both("try again later", "tente novamente mais tarde"),
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said. ``english`` is a sentence that says more than the table's; ``values`` fill in the table's."""

    code: Code
    problem: Problem | None = None
    member: str | None = None
    topic: Topic | None = None
    english: str | None = None
    values: Mapping[str, str | Both] = field(default_factory=dict)


def message(told: Told, language: Language) -> str:
    """The sentence for people."""
    begin = _CODES[told.code].said(language)
    if told.english is not None and language is Language.ENGLISH:
        return f"{begin}: {told.english}"
    row = _row(told)
    if row is None:
        return begin
    words = {name: word.said(language) if isinstance(word, Both) else word for name, word in told.values.items()}
    return f"{begin}: {row.said(language).format(field=told.member, **words)}"


def _row(told: Told) -> Both | None:
    if told.topic is not None:
        return _TOPICS[told.topic]
    if told.problem is None or told.member is None:
        return None
    if told.problem is Problem.TOO_LONG and "most" in told.values:
        return _AT_MOST
    return _FIELDS.get((told.problem, told.member)) or _PROBLEMS[told.problem]
