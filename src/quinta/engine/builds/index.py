"""Where packages are fetched from: the operator's own settings for uv and pip, made fit for the sandbox."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Where distributions come from and how they are fetched and chosen; not what would lead uv to other interpreters,
# caches, targets or configuration files, nor what would allow source builds (UV_NO_BINARY).
_PASSED_ON: Final = re.compile(
    r"UV_(?:DEFAULT_INDEX|INDEX|INDEX_\w+|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|OFFLINE|INSECURE_HOST|NATIVE_TLS"
    r"|SYSTEM_CERTS|HTTP_\w+|REQUEST_TIMEOUT|CONCURRENT_\w+|EXCLUDE_NEWER|PRERELEASE|RESOLUTION)"
    r"|SSL_CERT_(?:FILE|DIR)|SSL_CLIENT_CERT|(?:https?|all|no)_proxy",
    re.IGNORECASE,
)
# uv reads none of pip's variables. The separator of lists differs.
_FROM_PIP: Final = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", " "),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", " "),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS", ","),
    "PIP_CERT": ("SSL_CERT_FILE", " "),
}
_MAY_NAME_FILES: Final = re.compile(r"UV_(?:DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS)|SSL_\w+")


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """``variables`` for uv's environment, and the host's ``paths`` that they name, which uv has to see."""

    variables: Mapping[str, str]
    paths: tuple[Path, ...]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> IndexSettings:
        """Takes from the operator's ``environment`` what is about the index: uv's variables, those of pip that uv
        has a twin of (uv's own win), certificates and proxies. Everything else is left out."""
        chosen = {name: value for name, value in environment.items() if _PASSED_ON.fullmatch(name) and value}
        for name, (twin, separator) in _FROM_PIP.items():
            if environment.get(name) and twin not in chosen:
                chosen[twin] = separator.join(environment[name].split())
        return cls(chosen, tuple(dict.fromkeys(_paths(chosen))))

    def shell_assignments(self) -> str:
        """The variables as lines of a shell script. They may hold passwords, and a file keeps them out of command
        lines, which every user of the machine can read."""
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.variables.items())


def _paths(variables: Mapping[str, str]) -> Iterator[Path]:
    for name, value in variables.items():
        if not _MAY_NAME_FILES.fullmatch(name):
            continue
        for word in re.split(r"[\s,]+", value):
            path = re.sub(r"^(?:[\w.-]+=)?(?:file://)?", "", word)  # NAME=URL is how uv names an index
            if path.startswith("/") and Path(path).exists():
                yield Path(path)
