"""Environments: what ends up in them, what hostile requirements can do to others, and making each of them once.

Everything but two tests works offline, with wheels and build scripts that the packages bring along.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from quinta.core.reasons import Reason
from quinta.engine.builds.errors import BuildFailed
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.builds.archives import package, tree, wheel
from tests.engine.builds.conftest import MakeBuilder

LANGUAGE = "python3.11"
OFFLINE = {"UV_OFFLINE": "1"}

# A package's own folder with a build script that needs nothing else.
BACKEND = """
import base64, os, pathlib, sys

def get_requires_for_build_wheel(config_settings=None):
    return []
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
{before}
    name = "built-1.0-py3-none-any.whl"
    pathlib.Path(wheel_directory, name).write_bytes(base64.b64decode({wheel!r}))
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def source(before: str = "") -> dict[str, str]:
    """Files of a package that asks for its own folder ``lib``, whose build script first does ``before``."""
    content = base64.b64encode(wheel("built", {"built.py": "VALUE = 7\n"})).decode()
    return {
        "requirements.txt": "./lib\n",
        "lib/pyproject.toml": PROJECT,
        "lib/backend.py": BACKEND.format(before=textwrap.indent(before, "    "), wheel=content),
    }


# Tells by a file in the build's copy of the package that it has begun.
HANGING = "import time; pathlib.Path('begun').touch(); time.sleep(1000)"


async def until_the_script_runs(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.glob("environments/.work/*/package/lib/begun")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def run_in(environment: Path, code: str) -> str:
    done = subprocess.run(
        [environment / "bin" / "python", "-B", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def only(folder: Path) -> Path:
    """The one environment in ``folder``."""
    (found,) = (path for path in folder.iterdir() if path.name != ".work")
    return found


async def test_without_requirements_all_packages_share_one_environment(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    builder = make_builder()
    first = await builder.build(package(tmp_path / "a.zip", {"a": "1"}), LANGUAGE, "model", log.append)
    second = await builder.build(
        package(tmp_path / "b.zip", {"requirements.txt": "# none\n"}), LANGUAGE, "model", log.append
    )

    assert first.package_digest != second.package_digest
    assert first.environment_digest == second.environment_digest
    environment = only(tmp_path / "environments")
    assert environment.name == first.environment_digest
    assert run_in(environment, "import sys; print(sys.prefix)") == str(environment)
    assert first.interpreter_version == run_in(environment, "import platform; print(platform.python_version())")


async def test_an_environment_is_read_only_and_says_what_it_is(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    files: dict[str, str | bytes] = {"requirements.txt": "./good-1.0-py3-none-any.whl\n"}
    files["good-1.0-py3-none-any.whl"] = wheel(
        "good", {"good/__init__.py": "VALUE = 7\n", "good/tests/__init__.py": ""}
    )
    await make_builder(index_environment=OFFLINE).build(
        package(tmp_path / "a.zip", files), LANGUAGE, "model", log.append
    )

    environment = only(tmp_path / "environments")
    assert run_in(environment, "import good; print(good.VALUE)") == "7"
    paths = [environment, *environment.rglob("*")]
    assert not [path for path in paths if not path.is_symlink() and path.stat().st_mode & 0o7222]
    note = json.loads((environment / ".complete").read_text())
    assert note["requirements"] == ["./good-1.0-py3-none-any.whl"]
    compiled = {path.parent.parent.name for path in environment.rglob("*.pyc")}
    assert "good" in compiled, "cold starts must not compile what cannot be kept"
    assert "tests" not in compiled
    assert set(tree(tmp_path / "environments" / ".work")) - {"cache"} == {
        name for name in tree(tmp_path / "environments" / ".work") if name.startswith("cache/")
    }


async def test_a_folder_of_the_package_is_built_and_belongs_to_it_alone(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    builder = make_builder(index_environment=OFFLINE)
    first = await builder.build(package(tmp_path / "a.zip", source()), LANGUAGE, "model", log.append)
    assert run_in(only(tmp_path / "environments"), "import built; print(built.VALUE)") == "7"

    other = await builder.build(package(tmp_path / "b.zip", {**source(), "x": ""}), LANGUAGE, "model", log.append)
    assert first.environment_digest != other.environment_digest


async def test_offline_what_is_in_the_cache_is_enough(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    """Over the network once, then without it, in another environment that has the same distribution."""
    online, offline = make_builder(), make_builder(index_environment=OFFLINE)
    await online.build(package(tmp_path / "a.zip", {"requirements.txt": "six\n"}), LANGUAGE, "model", log.append)
    assert any("+ six==" in line for line in log)

    again = {"requirements.txt": "six>=1\n"}
    built = await offline.build(package(tmp_path / "b.zip", again), LANGUAGE, "model", log.append)
    environment = tmp_path / "environments" / built.environment_digest
    assert run_in(environment, "import six; print(six.PY3)") == "True"
    module = next(environment.rglob("six.py"))
    assert module.stat().st_nlink >= 3, "hard links: the cache's and two environments'"

    missing = package(tmp_path / "c.zip", {"requirements.txt": "six\nidna\n"})
    with pytest.raises(BuildFailed, match="idna was not found in the cache"):
        await offline.build(missing, LANGUAGE, "model", log.append)


async def test_a_distribution_without_wheels_is_built_away_from_the_shared_cache(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    files = {"requirements.txt": "docopt==0.6.2  # has never had a wheel\n"}
    await make_builder().build(package(tmp_path / "a.zip", files), LANGUAGE, "model", log.append)

    assert any("no usable wheels" in line for line in log)
    assert any("trying again with builds from source" in line for line in log)
    assert run_in(only(tmp_path / "environments"), "import docopt; print(docopt.__version__)") == "0.6.2"
    assert not list((tmp_path / "environments" / ".work" / "cache").rglob("docopt.py"))


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        ("no-such-distribution-of-quinta\n", "no-such-distribution-of-quinta was not found in the cache"),
        ("six===!\n", "Couldn't parse requirement"),
        ("./missing-1.0-py3-none-any.whl\n", "missing-1.0-py3-none-any.whl"),
        ("-r ../../etc/passwd\n", "requirements.txt, line 1: '../../etc/passwd' lies outside the package"),
    ],
)
async def test_requirements_that_cannot_be_installed(
    requirements: str, message: str, make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    builder = make_builder(index_environment=OFFLINE)

    with pytest.raises(BuildFailed) as failure:
        await builder.build(
            package(tmp_path / "a.zip", {"requirements.txt": requirements}), LANGUAGE, "model", log.append
        )

    assert message in failure.value.message
    assert len(failure.value.message) <= 500
    assert str(tmp_path) not in "".join((failure.value.message, *log))
    assert [path.name for path in (tmp_path / "environments").glob("*")] in ([], [".work"])
    assert [path.name for path in (tmp_path / "environments" / ".work").glob("*")] in ([], ["cache"])
    good = package(tmp_path / "b.zip", {"requirements.txt": "\n"})
    assert (await builder.build(good, LANGUAGE, "model", log.append)).environment_digest


async def test_a_build_script_that_fails_has_its_words_in_the_log(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    failing = source("raise SystemExit('the compiler is missing')")

    with pytest.raises(BuildFailed, match=r"requirements\.txt cannot be installed: .*the compiler is missing"):
        await make_builder(index_environment=OFFLINE).build(
            package(tmp_path / "a.zip", failing), LANGUAGE, "model", log.append
        )
    assert any("the compiler is missing" in line for line in log)


async def test_a_build_script_sees_neither_the_host_nor_what_others_use(
    make_builder: MakeBuilder, sandbox: Sandbox, tmp_path: Path, log: list[str]
) -> None:
    if sandbox.bwrap is None:
        pytest.skip("needs bubblewrap")
    builder = make_builder(index_environment=OFFLINE)
    harmless = package(tmp_path / "a.zip", {"requirements.txt": "# none\n"})
    built = await builder.build(harmless, LANGUAGE, "model", log.append)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    places = [
        secret,
        tmp_path / "packages" / built.package_digest / "model.py",
        tmp_path / "environments" / built.environment_digest / "pyvenv.cfg",
        tmp_path / "environments" / ".work" / "cache",
        Path(__file__),
    ]
    looking = f"""
for place in {[str(place) for place in places]!r}:
    if os.path.exists(place):
        raise SystemExit("it sees " + place)
try:
    pathlib.Path({str(tmp_path)!r}, "environments", "evil").mkdir()
except OSError:
    pass
"""
    await builder.build(package(tmp_path / "b.zip", source(looking)), LANGUAGE, "model", log.append)

    assert not (tmp_path / "environments" / "evil").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"evil-1.0.data/data/pyvenv.cfg": "home = /srv\n"}, "replaces the environment's own pyvenv.cfg or python"),
        ({"evil-1.0.data/data/bin/python": "#!/bin/sh\n"}, "must not use the reserved name `python`"),  # uv's own word
        ({"evil-1.0.data/data/.complete": "{}"}, "installs a file named .complete"),
        ({"evil-1.0.data/data/share/pyvenv.cfg": "home = /srv\n"}, None),
        ({"evil-1.0.data/scripts/python-evil": "#!/bin/sh\n"}, None),
    ],
)
async def test_a_wheel_cannot_change_which_interpreter_an_instance_runs(
    files: dict[str, str], message: str | None, make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    name = "evil-1.0-py3-none-any.whl"
    content: dict[str, str | bytes] = {"requirements.txt": f"./{name}\n", name: wheel("evil", files)}
    packed = package(tmp_path / "a.zip", content)
    build = make_builder(index_environment=OFFLINE).build(packed, LANGUAGE, "model", log.append)

    if message is None:
        assert (await build).environment_digest
        return
    with pytest.raises(BuildFailed, match=message):
        await build
    assert [path.name for path in (tmp_path / "environments").iterdir()] == [".work"]


@pytest.mark.parametrize(
    "change",
    [
        "environment.rename(work / 'moved'); environment.symlink_to(work / 'moved')",
        "(environment / 'pyvenv.cfg').write_text('home = ' + target)",
        "(environment / 'pyvenv.cfg').unlink(); (environment / 'pyvenv.cfg').symlink_to(target + '/none')",
        "(environment / 'bin').rename(work / 'moved'); (environment / 'bin').symlink_to(work / 'moved')",
        "(environment / 'bin/python').unlink(); (environment / 'bin/python').symlink_to(target)",
        None,
    ],
)
async def test_a_build_script_cannot_change_the_environment_itself(
    change: str | None, make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    script = f"""
target = {str(target)!r}
work = next(parent for parent in pathlib.Path.cwd().parents if parent.parent.name == ".work")
environment = work / "environment"
{change or ""}
"""
    build = make_builder(index_environment=OFFLINE).build(
        package(tmp_path / "a.zip", source(script)), LANGUAGE, "model", log.append
    )

    if change is None:
        assert (await build).environment_digest
        return
    with pytest.raises(BuildFailed, match=r"replaces the environment's own pyvenv\.cfg or python"):
        await build
    assert [path.name for path in (tmp_path / "environments").iterdir()] == [".work"]
    assert target.stat().st_mode & 0o200


async def test_a_build_script_that_hangs_ends_with_the_time_limit(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    hanging = package(tmp_path / "a.zip", source(HANGING))

    with pytest.raises(BuildFailed, match="not ready after 3 seconds") as caught:
        await make_builder(index_environment=OFFLINE, time_limit_seconds=3).build(
            hanging, LANGUAGE, "model", log.append
        )
    assert caught.value.reason is Reason.INSTALL_TIMEOUT
    assert [path.name for path in (tmp_path / "environments" / ".work").iterdir()] == ["cache"]


async def test_a_build_script_that_needs_too_much_memory_is_told_so(
    make_builder: MakeBuilder, tmp_path: Path, sandbox: Sandbox, log: list[str]
) -> None:
    if sandbox.cgroups is None:
        pytest.skip("no writable cgroups here")
    greedy = package(tmp_path / "a.zip", source("kept = bytearray(600_000_000)"))

    with pytest.raises(BuildFailed) as caught:
        await make_builder(index_environment=OFFLINE, memory_megabytes=256).build(greedy, LANGUAGE, "model", log.append)
    assert caught.value.reason is Reason.BUILD_MEMORY
    built = await make_builder(index_environment=OFFLINE).build(greedy, LANGUAGE, "model", log.append)
    assert built.environment_digest


async def test_builds_at_the_same_time_make_an_environment_once(make_builder: MakeBuilder, tmp_path: Path) -> None:
    """Two builders with no knowledge of each other, as two servers on one folder are."""
    logs: list[list[str]] = [[] for _ in range(4)]
    builders = [make_builder(index_environment=OFFLINE) for _ in range(2)] * 2
    packed = package(tmp_path / "a.zip", source())

    built = await asyncio.gather(
        *(builder.build(packed, LANGUAGE, "model", lines.append) for builder, lines in zip(builders, logs, strict=True))
    )

    assert len(set(built)) == 1
    assert sum(any("environment: made in" in line for line in lines) for lines in logs) == 1
    assert sum(any("+ built==1.0" in line for line in lines) for lines in logs) == 1


async def test_when_the_one_that_makes_it_is_cancelled_the_one_that_waits_makes_it(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    packed = package(tmp_path / "a.zip", source(HANGING))
    waiting = asyncio.Event()

    def notice(line: str) -> None:
        if "waiting for it" in line:
            waiting.set()

    builder = make_builder(index_environment=OFFLINE)
    first = asyncio.ensure_future(builder.build(packed, LANGUAGE, "model", log.append))
    await until_the_script_runs(tmp_path)
    other = make_builder(index_environment=OFFLINE, time_limit_seconds=2)
    second = asyncio.ensure_future(other.build(packed, LANGUAGE, "model", notice))
    await asyncio.wait_for(waiting.wait(), 60)

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(BuildFailed, match="not ready after 2 seconds"):  # it had its own try at it
        await second


SERVER = """
import asyncio, sys
from pathlib import Path
from quinta.engine.builds.build import BuildSettings, PackageBuilder
from quinta.engine.sandbox.detection import detect

async def main(folder, archive):
    settings = BuildSettings(search_path="", index_environment={"UV_OFFLINE": "1"})
    builder = PackageBuilder(folder / "packages", folder / "environments", detect(), settings)
    await builder.build(archive, "python3.11", "model", lambda line: None)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


async def test_a_killed_server_leaves_nothing_that_is_in_the_way(
    make_builder: MakeBuilder, tmp_path: Path, log: list[str]
) -> None:
    hanging = package(tmp_path / "a.zip", source(HANGING))
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, str(tmp_path), str(hanging))
    await until_the_script_runs(tmp_path)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    work = tmp_path / "environments" / ".work"
    assert [path.name for path in work.iterdir() if path.name != "cache"], "it was killed in the middle"

    builder = make_builder(index_environment=OFFLINE)
    assert len(builder.remove_leftovers()) == 1
    assert [path.name for path in work.iterdir()] == ["cache"]
    assert [path.name for path in (tmp_path / "environments").iterdir()] == [".work"]


async def test_what_is_not_complete_is_made_again(make_builder: MakeBuilder, tmp_path: Path, log: list[str]) -> None:
    builder, packed = make_builder(), package(tmp_path / "a.zip", {})
    built = await builder.build(packed, LANGUAGE, "model", log.append)
    environment = tmp_path / "environments" / built.environment_digest
    environment.chmod(0o755)
    (environment / ".complete").unlink()
    (environment / "bin").chmod(0o755)
    (environment / "bin" / "python").unlink()

    assert await builder.build(packed, LANGUAGE, "model", log.append) == built
    assert run_in(environment, "print(1)") == "1"
