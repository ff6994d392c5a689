"""Reading requirements.txt: what it includes, what it may not reach, and what could run a stranger's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from quinta.engine.builds.errors import BuildFailed
from quinta.engine.builds.requirements import Requirements, read_requirements


def read(folder: Path, **files: str | bytes) -> Requirements:
    """``requirements`` is requirements.txt; ``a__b`` is a/b.txt."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_requirements(folder)


def test_no_file_is_the_same_as_an_empty_one(tmp_path: Path) -> None:
    none = read_requirements(tmp_path)

    assert none == Requirements("", "", (), True)
    assert read(tmp_path, requirements="# nothing\n\n").lines == none.lines


def test_lines_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    plain = read(tmp_path, requirements="six>=1.16\nidna\n")
    decorated = read(tmp_path, requirements="\ufeff# comment\r\n  six>=1.16   # six\r\n\r\nidna")

    assert plain.lines == decorated.lines == ("six>=1.16", "idna")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_begin_with_a_mark_are_read(encoding: str, tmp_path: Path) -> None:
    assert read(tmp_path, requirements="six # schön\n".encode(encoding)).lines == ("six",)


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"requirements\.txt, line 2: not valid UTF-8"):
        read(tmp_path, requirements="idna\nsix # schön\n".encode("latin-1"))


def test_continued_lines_are_joined_and_the_others_keep_their_number(tmp_path: Path) -> None:
    found = read(tmp_path, requirements="six \\\n  >=1.16 \\\n  # last\nidna \\\n")

    assert found.lines == ("six >=1.16", "idna")
    assert found.text.split("\n")[3].startswith("idna")


def test_included_files_stand_in_their_place(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        requirements="first\n-r more/a.txt\n--constraint=bounds.txt\nlast\n",
        more__a="-r ../b.txt\n-c 'bounds.txt'\na\n",
        b="b\n",
        bounds="idna<3\n",
        more__bounds="six<2\n",
    )

    assert found.text.split() == ["first", "b", "a", "last"]
    assert found.constraints.split() == ["six<2", "idna<3"]
    assert found.lines == ("first", "b", "a", "last", "constraint six<2", "constraint idna<3")
    assert found.only_names


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-r /etc/passwd", "'/etc/passwd' lies outside the package"),
        ("-r ../secret.txt", "'../secret.txt' lies outside the package"),
        ("-r a/../../secret.txt", "lies outside the package"),
        ("--requirement=../secret.txt", "lies outside the package"),
        ("-c ../secret.txt", "lies outside the package"),
        ('-r"../secret.txt"', "lies outside the package"),
        ("-r missing.txt", "the package has no file 'missing.txt'"),
        ("-r ${HOME}/x.txt", r"the package has no file '\$\{HOME\}/x.txt'"),
        ("-r requirements.txt", "requirements.txt includes requirements.txt, which includes it again"),
        ("-e .", "'-e .' asks for an editable install"),
        ("--editable=./a", "asks for an editable install"),
    ],
)
def test_what_may_not_be_included(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "package").mkdir()

    with pytest.raises(BuildFailed, match=message) as refusal:
        read(tmp_path / "package", requirements=f"six\n{line}\n")

    assert "secret\n" not in refusal.value.message
    assert read(tmp_path / "package", requirements="six\n-r a.txt", a="idna").lines == ("six", "idna")


def test_includes_that_multiply_come_to_an_end(tmp_path: Path) -> None:
    files = {f"f{n}": f"-r f{n + 1}.txt\n-r f{n + 1}.txt\n" for n in range(30)}

    with pytest.raises(BuildFailed, match="larger than 4 MiB"):
        read(tmp_path, requirements="-r f0.txt", f30="x" * 1_000, **files)


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "Foo.bar_baz-1",
        "six==1.16.0",
        "six >=1.16, <2",
        "six (>=1.16)",
        "six~=1.16 ; python_version < '3.9' and sys_platform != 'win32'",
        "requests[socks,security]>=2 # comment",
        "six==1.16.0 --hash=sha256:00ff --hash sha256:11ee",
        "--index-url https://packages.example/simple",
        "--extra-index-url=http://packages.example/simple/",
        "-i https://packages.example/simple",
        "--find-links https://packages.example/wheels",
        "--pre",
        "--only-binary=:all:",
    ],
)
def test_requirements_by_name_can_be_installed_without_running_their_code(line: str, tmp_path: Path) -> None:
    assert read(tmp_path, requirements=line).only_names
    assert read(tmp_path, requirements="-c c.txt", c=line).only_names


@pytest.mark.parametrize(
    "line",
    [
        ".",
        "./lib",
        "lib/",
        "/lib",
        "six-1.0-py3-none-any.whl",
        "six-1.0.TAR.GZ",
        "six.zip ; python_version > '3'",
        "file:///etc/x.whl",
        "six @ file:///etc/x.whl",
        "six @ https://packages.example/six.whl",
        "six@https://packages.example/six.whl",
        "https://packages.example/six.whl",
        "git+https://packages.example/six.git",
        "-r https://packages.example/requirements.txt",
        "--index-url file:///srv/simple",
        "--find-links ./wheels",
        "--find-links file:///srv",
        "--no-binary :all:",
        "--no-binary=six",
        "six --no-binary six",
        "${SIX}",
        "six==${VERSION}",
        "six; ${MARKER}",
        "--index-url https://${SECRET}@packages.example/",
        "--unknown",
        "six 1.16",
    ],
)
def test_anything_else_could(line: str, tmp_path: Path) -> None:
    assert not read(tmp_path, requirements=line).only_names
    assert not read(tmp_path, requirements=f"six\n-c c.txt\n-r {'r'}.txt", c=line, r="six").only_names
