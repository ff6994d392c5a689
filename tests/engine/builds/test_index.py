"""Which of the operator's variables reach uv, and what uv says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from quinta.engine.builds.index import IndexSettings
from quinta.engine.builds.uv_output import explain, lacks_wheels, without_credentials


def test_only_what_is_about_the_index_is_passed_on() -> None:
    passed = {
        "UV_DEFAULT_INDEX": "https://packages.example/simple",
        "UV_INDEX_OURS_PASSWORD": "secret",
        "UV_OFFLINE": "1",
        "SSL_CERT_FILE": "/nonexistent.pem",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "no_proxy": "localhost",
    }
    kept_back = {
        "UV_CACHE_DIR": "/x",
        "UV_PYTHON": "/x",
        "UV_CONFIG_FILE": "/x",
        "UV_NO_BINARY": "1",
        "PATH": "/x",
        "QUINTA_ADMIN_TOKEN": "x",
        "LD_PRELOAD": "/x",
        "UV_INDEX": "",
    }

    assert IndexSettings.of({**passed, **kept_back}).variables == passed


def test_variables_of_pip_are_translated_unless_uv_has_its_own() -> None:
    of_pip = {"PIP_INDEX_URL": "https://a.example", "PIP_FIND_LINKS": "https://b.example  https://c.example"}
    translated = {"UV_DEFAULT_INDEX": "https://a.example", "UV_FIND_LINKS": "https://b.example,https://c.example"}

    assert IndexSettings.of(of_pip).variables == translated
    assert IndexSettings.of({**of_pip, "UV_DEFAULT_INDEX": "https://own.example"}).variables == {
        **translated,
        "UV_DEFAULT_INDEX": "https://own.example",
    }


def test_folders_that_variables_name_are_shown_to_uv(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
    found = IndexSettings.of(
        {
            "UV_FIND_LINKS": f"{tmp_path}/a,https://packages.example,/nonexistent",
            "UV_INDEX": f"ours=file://{tmp_path}/b https://packages.example",
            "SSL_CERT_DIR": f"{tmp_path}/c",
            "UV_INDEX_OURS_PASSWORD": f"{tmp_path}/d",
        }
    )

    assert set(found.paths) == {tmp_path / "a", tmp_path / "b", tmp_path / "c"}


def test_values_survive_the_shell(tmp_path: Path) -> None:
    value = "https://user:p'a$s`s\"@packages.example/ with space"
    script = tmp_path / "variables"
    script.write_text(IndexSettings.of({"UV_DEFAULT_INDEX": value}).shell_assignments())

    done = subprocess.run(
        ["/bin/sh", "-c", f'. {script}; printf %s "$UV_DEFAULT_INDEX"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == value


SAID = {
    "no such distribution": (
        """
Using Python 3.8.18 environment at: environment
error: No solution found when resolving dependencies
  cause: Because nothing-like-it was not found in the package registry and you require nothing-like-it, we can \
conclude that your requirements are unsatisfiable.
""",
        "nothing-like-it was not found in the package registry and you require nothing-like-it",
    ),
    "too old": (
        """
error: No solution found when resolving dependencies
  cause: Because the current Python version (3.8.18) does not satisfy Python>=3.11 and numpy==2.3.0 depends on \
Python>=3.11, we can conclude that numpy==2.3.0 cannot be used.
         And because you require numpy==2.3.0, we can conclude that your requirements are unsatisfiable.

hint: something
""",
        "Because the current Python version (3.8.18) does not satisfy Python>=3.11 and numpy==2.3.0 depends on "
        "Python>=3.11, we can conclude that numpy==2.3.0 cannot be used. And because you require numpy==2.3.0, we can "
        "conclude that your requirements are unsatisfiable",
    ),
    "no network": (
        """
error: Request failed after 3 retries in 6.2s
  cause: Failed to fetch: http://127.0.0.1:9/simple/six/
  cause: client error (Connect)
  cause: Connection refused (os error 111)
""",
        "Request failed after 3 retries in 6.2s: Failed to fetch: http://127.0.0.1:9/simple/six/: "
        "Connection refused (os error 111)",
    ),
    "no cause": ("error: The wheel filename `foo.whl` is invalid: Must have a version", ""),
    "no error": ("warning: something\nKilled\n", "Killed"),
    "nothing": ("", "uv gave no reason"),
}


@pytest.mark.parametrize("case", SAID)
def test_one_sentence_is_taken_from_what_uv_said(case: str) -> None:
    said, expected = SAID[case]

    assert explain(said.splitlines()) == (expected or said.removeprefix("error: "))
    assert not lacks_wheels(said.splitlines())


def test_passwords_are_taken_out() -> None:
    assert without_credentials("at https://me:secret@host/x and git+https://token@host/y z@b") == (
        "at https://***@host/x and git+https://***@host/y z@b"
    )
