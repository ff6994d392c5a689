"""Refusals in Portuguese say what to do, as those in English do, and in letters that people can read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.dialects.versiontwo.house import Door, House

PORTUGUESE = {"Accept-Language": "pt-BR,pt;q=0.9"}


def said(door: Door, method: str, path: str, headers: dict[str, str | None] | None = None, **more: Any) -> str:
    """The message in Portuguese; the English one differs, all else is the same."""
    english = door.call(method, path, headers, **more)
    portuguese = door.call(method, path, {**(headers or {}), **PORTUGUESE}, **more)
    assert (english.headers["Content-Language"], portuguese.headers["Content-Language"]) == ("en", "pt")
    one, other = english.json()["error"], portuguese.json()["error"]
    english_text, text = one.pop("message"), str(other.pop("message"))
    assert one == other
    assert english_text != text
    assert all(": " in told for told in (english_text, text)), (english_text, text)
    assert "\\u" not in portuguese.text
    return text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'name' é obrigatório"),
        ({"name": 1}, "'name' deve ser um texto"),
        ({"name": "x" * 101}, "'name' pode ter no máximo 100 caracteres"),
        ({"name": "a\nb"}, "'name' deve ser um texto de 1 a 100 caracteres imprimíveis"),
        ({"name": "a", "config": {"scaling": {"min_instances": -1}}}, "de 0 a 1000"),
        ({"name": "a", "config": {"environment": " "}}, "'config.environment' deve ser um texto de 1 a 100"),
        ({"name": "a", "config": {"x": "y" * 70_000}}, "no máximo 64 KiB"),
        ({"name": "a", "junk": "y" * 300_000}, "o corpo é grande demais"),
    ],
)
def test_what_a_body_has(door: Door, body: dict[str, Any], words: str) -> None:
    assert words in said(door, "POST", "/projects", json=body)


def test_who_calls(door: Door, house: House) -> None:
    reader = door.with_key("read")
    assert "envie o cabeçalho 'Authorization: Bearer CHAVE'" in said(house.nobody, "GET", "/projects")
    assert "envie o cabeçalho" in said(replace(door, key="never-was"), "GET", "/projects")
    assert "falta uma permissão" in said(reader, "POST", "/projects", json={"name": "a"})
    assert "não há nada com este id" in said(door, "GET", "/projects/proj_1")


def test_what_is_there(door: Door) -> None:
    project = door.new_project("Mine")
    path = f"/projects/{project['id']}/deployments"
    assert "'name' já está em uso" in said(door, "POST", "/projects", json={"name": "Mine"})
    deployment = door.deploy(project["id"])
    back = said(door, "POST", f"{path}/{deployment['id']}/rollback")
    assert "nenhuma implantação concluída à qual voltar" in back


def test_a_sentence_names_the_member_as_its_call_does(door: Door) -> None:
    project = door.new_project()["id"]
    wrong = {"scaling": {"min_instances": 3, "max_instances": 2}}
    for path, body, member in (
        (f"/projects/{project}", {"config": wrong}, "config.scaling.min_instances"),
        (f"/projects/{project}/config", wrong, "scaling.min_instances"),
    ):
        error = door.call("PATCH", path, json=body).json()["error"]
        assert error["details"] == {"field": member, "reason": "out_of_range"}
        assert f": {member} may not be more than {member.replace('min', 'max')}" in error["message"]
    right = {"scaling": {"min_instances": 2, "max_instances": 3}}
    assert door.ok("PATCH", f"/projects/{project}/config", json=right) == right
