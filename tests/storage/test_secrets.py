"""The keyring and what it seals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.storage.secrets import KeyringRefused, SealedSecrets

FIRST, SECOND = "1f" * 32, "2e" * 32


def keyring(path: Path, given: str | None = None) -> SealedSecrets:
    secrets = SealedSecrets(path, given)
    secrets.load()
    return secrets


def test_a_first_start_makes_a_key_for_the_servers_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    sealed = keyring(path).seal("value", "row")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets.key"]
    assert keyring(path).open(sealed, "row") == "value"
    assert keyring(tmp_path / "other").open(sealed, "row") is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.uuids())
def test_what_is_sealed_opens_for_its_row_alone(text: str, row: object) -> None:
    secrets = keyring(Path("unused"), FIRST)
    sealed = secrets.seal(text, str(row))
    assert secrets.open(sealed, str(row)) == text
    assert secrets.open(sealed, "another row") is None
    assert sealed != secrets.seal(text, str(row)), "equal values look different"
    assert len(text) < 8 or text not in sealed


def test_what_was_changed_does_not_open() -> None:
    secrets = keyring(Path("unused"), FIRST)
    sealed = secrets.seal("value", "row")
    changed = [sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :] for place in range(11, 50)]
    for text in ("", "1", "1.", "value", sealed[:-4], sealed + "AAAA", "2" + sealed[1:], "1..", "1.x.y", *changed):
        assert secrets.open(text, "row") is None, text
    assert secrets.open(sealed, "row") == "value"


def test_keys_can_be_rotated(tmp_path: Path) -> None:
    """The last key seals, all of them open; a key may go once nothing is sealed with it."""
    path = tmp_path / "secrets.key"
    path.write_text(f"{FIRST}\n")
    path.chmod(0o600)
    old = keyring(path).seal("old", "row")
    path.write_text(f"{FIRST}\n{SECOND}\n")
    both = keyring(path)
    new = both.seal("new", "row")
    assert (both.open(old, "row"), both.open(new, "row")) == ("old", "new")
    only_new = keyring(tmp_path / "unused", SECOND)
    assert (only_new.open(old, "row"), only_new.open(new, "row")) == (None, "new")
    assert keyring(tmp_path / "unused", f"{FIRST},{SECOND.upper()}").open(new, "row") == "new"
    assert not (tmp_path / "unused").exists(), "with the setting there is no file"


@pytest.mark.parametrize("text", ["", "\n", "1f" * 31, "1f" * 33, "x" * 64, f"{FIRST} {SECOND[:-1]}"])
def test_a_malformed_keyring_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secrets.key"
    path.write_text(text)
    path.chmod(0o600)
    for given_text in (None, text or " "):
        with pytest.raises(KeyringRefused, match="64 hexadecimal digits") as refused:
            keyring(path, given_text)
        assert text[:8].strip() not in str(refused.value) or not text.strip()


def test_a_keyring_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    keyring(path)
    path.chmod(0o640)
    with pytest.raises(KeyringRefused, match="chmod 600"):
        keyring(path)
    path.chmod(0o600)
    assert keyring(path).seal("value", "row")
