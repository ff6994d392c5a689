"""What the sandbox keeps from a program, and what it lets it have."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quinta.engine.sandbox.cgroups import BUILDS, Cgroups, find_cgroups
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.processes import kill_session, look, scan, trees
from quinta.engine.sandbox.sandbox import Limits, Sandbox


@pytest.fixture(scope="module")
def best() -> Sandbox:
    sandbox = detect()
    if sandbox.bwrap is None:
        pytest.skip("needs bubblewrap and user namespaces")
    return sandbox


def shell(
    sandbox: Sandbox,
    script: str,
    *,
    read_only: dict[Path, str] | None = None,
    writable: dict[Path, str] | None = None,
    network: bool = False,
    environment: dict[str, str] | None = None,
    workdir: str = "/",
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> tuple[int, str]:
    command = sandbox.command(
        ["/bin/sh", "-c", script],
        read_only=read_only or {},
        writable=writable or {},
        network=network,
        environment=environment or {},
        workdir=workdir,
        limits=limits,
    )
    done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_level_and_what_is_missing_are_said() -> None:
    everything = detect()
    nothing = detect(use_bwrap=False, use_cgroups=False, use_seccomp=False, use_landlock=False)
    assert nothing.level == "rlimits"
    assert [p.name for p in nothing.protections if not p.works] == [
        "namespaces",
        "system call filter",
        "landlock",
        *(["unprivileged user"] if os.geteuid() == 0 else []),
        "memory limit",
        "process limit",
        "shares of the cores",
    ]
    assert len(nothing.missing) == 6 + (os.geteuid() == 0)
    assert all(bool(p.lack) is not p.works for p in (*everything.protections, *nothing.protections))
    assert all(sentence.endswith(".") for sentence in (*everything.missing, *nothing.missing))
    assert (everything.bwrap is None) == ("bwrap" not in everything.level)
    assert nothing.bwrap is None
    for name, layer in (("seccomp", everything.seccomp), ("landlock", everything.landlock)):
        assert (name in everything.level.split("+")) == layer


def test_without_bubblewrap_on_the_path_the_reason_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "the program bwrap was not found" in detect().missing[0]
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: No permissions to create new namespace >&2; exit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    sandbox = detect()
    assert sandbox.bwrap is None
    assert "No permissions to create new namespace" in sandbox.missing[0]


def test_mounts_are_seen_where_they_are_asked_for(best: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "file").write_text("content")
    mounts = {"read_only": {tmp_path / "in": "/in"}, "writable": {tmp_path / "out": "/out"}, "workdir": "/out"}
    assert shell(best, "cat /in/file; pwd; echo x > made", **mounts) == (0, "content/out\n")  # type: ignore[arg-type]
    assert (tmp_path / "out" / "made").read_text() == "x\n"
    status, said = shell(best, "echo x > /in/made", **mounts)  # type: ignore[arg-type]
    assert status != 0
    assert "Read-only file system" in said


def test_the_host_is_out_of_sight(best: Sandbox, tmp_path: Path) -> None:
    for path in (tmp_path, Path("/root"), Path("/home"), Path("/var"), Path("/etc/shadow"), Path("/etc/ssl/private")):
        assert shell(best, f"test -e {path}")[0] == 1, path
    for path in (Path("/usr"), Path("/etc/ssl/certs"), Path("/etc/passwd"), Path("/dev/null")):
        assert shell(best, f"test -e {path}")[0] == 0 or not path.exists(), path
    for name in ("/x", "/dev/x", "/etc/x", "/usr/x", "/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj"):
        assert shell(best, f"echo x > {name}")[0] != 0, name
    for name in ("/tmp/x", "/dev/shm/x", "/dev/null"):
        assert shell(best, f"echo x > {name}")[0] == 0, name
    assert shell(best, "id -u; grep CapEff /proc/self/status")[1].split() == ["65534", "CapEff:", "0000000000000000"]
    assert shell(best, "ls /proc | grep -c '^[0-9]'")[1].strip() in ("2", "3", "4", "5")


def test_the_environment_is_what_is_given(best: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the server")
    _, said = shell(best, "/usr/bin/env; cat /proc/1/environ", environment={"A": "b c", "PATH": "/usr/bin"})
    assert sorted(said.split("\n")) == ["", "A=b c", "PATH=/usr/bin", "PWD=/"]


def test_limits_hold(best: Sandbox) -> None:
    limits = Limits(file_bytes=1 << 20, open_files=64, data_bytes=64 << 20, temporary_bytes=2 << 20)
    said = shell(best, "ulimit -c; ulimit -f; ulimit -n; ulimit -d", limits=limits)[1].split()
    assert said == ["0", "2048", "64", "65536"]
    assert shell(best, "head -c 2000000 /dev/zero > /tmp/x", limits=limits)[0] != 0
    assert shell(best, "head -c 1000000 /dev/zero > /tmp/x", limits=limits)[0] == 0
    larger = Limits(temporary_bytes=1 << 20)
    assert "No space left" in shell(best, "head -c 2000000 /dev/zero > /tmp/x", limits=larger)[1]
    assert "No space left" in shell(best, "head -c 2000000 /dev/zero > /dev/shm/x", limits=larger)[1]


def test_the_network_is_there_only_when_asked_for(best: Sandbox) -> None:
    assert shell(best, "grep -c : /proc/net/dev", network=False)[1].strip() == "1"
    with open("/proc/net/dev") as file:
        devices = str(sum(":" in line for line in file))
    assert shell(best, "grep -c : /proc/net/dev", network=True)[1].strip() == devices


@pytest.mark.parametrize("use_bwrap", [True, False])
def test_paths_inside_hold_with_and_without_mounts(tmp_path: Path, use_bwrap: bool) -> None:
    sandbox = detect(use_bwrap=use_bwrap)
    (tmp_path / "with space").mkdir()
    folder = tmp_path / "with space"
    inside = sandbox.inside(folder, "/inside")
    assert inside == ("/inside" if sandbox.bwrap else str(folder))
    environment = {"PLACE": inside, "PATH": "/usr/bin:/bin"}
    status, said = shell(
        sandbox,
        'pwd; echo "$PLACE"; echo x > made',
        writable={folder: "/inside"},
        environment=environment,
        workdir=inside,
    )
    assert (status, said.splitlines()) == (0, [inside, inside])
    assert (folder / "made").exists()


def test_exit_codes_pass_through(best: Sandbox) -> None:
    assert shell(best, "exit 7")[0] == 7
    assert shell(best, "kill -9 $$")[0] == 137


def test_a_group_limits_and_counts() -> None:
    sandbox = detect()
    if sandbox.cgroups is None:
        pytest.skip("no writable cgroup here")
    group = sandbox.cgroups.create(f"test-limits-{os.getpid()}", "test", memory_bytes=32 << 20, processes=16)
    try:
        assert group.processes() == set()
        take = "x=$(head -c 100000000 /dev/zero | tr '\\0' x)"
        for script, kills in (("true", 0), (take, 1)):
            command = sandbox.command(
                ["/bin/sh", "-c", script],
                read_only={},
                writable={},
                network=False,
                environment={"PATH": "/usr/bin:/bin"},
                workdir="/",
                cgroup=group,
            )
            done = subprocess.run(command, env={}, capture_output=True, timeout=30, check=False)
            assert (done.returncode != 0) == bool(kills)
            assert (group.out_of_memory_kills() > 0) == bool(kills)
    finally:
        group.kill()
        deadline = time.monotonic() + 10  # the kernel takes a moment to let go of what was killed
        while not group.remove():
            assert time.monotonic() < deadline
    assert group.out_of_memory_kills() == 0
    assert group.remove()  # twice is once


def test_version_2_is_used_where_a_subtree_is_delegated(tmp_path: Path) -> None:
    """No machine of the tests has one, so the files are played: what is read and where it is written."""
    mount, process = tmp_path / "cgroup", tmp_path / "self"
    (mount / "system.slice" / "quinta.service" / "server").mkdir(parents=True)
    process.mkdir()
    (process / "cgroup").write_text("0::/system.slice/quinta.service/server\n")
    (process / "mountinfo").write_text(f"30 23 0:26 / {mount} rw,nosuid - cgroup2 cgroup2 rw\n")
    control = mount / "system.slice" / "quinta.service" / "cgroup.subtree_control"
    assert find_cgroups(process) is None  # nothing is delegated
    control.write_text("")
    assert find_cgroups(process) is None  # asked for; on a real kernel the file would now read "memory pids"
    assert control.read_text() == "+memory +pids"
    control.write_text("cpu memory pids")
    found = find_cgroups(process)
    assert found is not None
    assert (found.version, found.parents) == (2, dict.fromkeys(("memory", "pids", "cpu"), control.parent))
    group = found.create("one", "tenant", memory_bytes=64 << 20, processes=16)
    assert group.folders == (control.parent / "quinta" / "tenant" / "quinta-one",)
    limits = {path.name: path.read_text() for path in group.folders[0].iterdir()}
    assert limits == {"memory.max": str(64 << 20), "pids.max": "16"}


def test_version_2_shares_the_cores_by_tenant(tmp_path: Path) -> None:
    """Played, as above: what is written where."""
    groups = Cgroups(2, dict.fromkeys(("memory", "pids", "cpu"), tmp_path))
    group = groups.create("one", "tenant", memory_bytes=64 << 20, processes=16)
    tenant = tmp_path / "quinta" / "tenant"
    assert group.folders == (tenant / "quinta-one",)
    assert groups.existing("one").folders[0] == tenant / "quinta-one"
    assert groups.existing("two").folders == (tmp_path / "quinta-two",)
    for folder, weight in ((tmp_path / "quinta", str(100 * (os.cpu_count() or 1))), (tenant, "100")):
        assert (folder / "cpu.weight").read_text() == weight
        assert (folder / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    groups.create("two", BUILDS, memory_bytes=64 << 20, processes=16)
    assert (tmp_path / "quinta" / BUILDS / "cpu.weight").read_text() == "25"


def test_two_tenants_get_the_same_however_many_processes_they_have() -> None:
    groups = find_cgroups()
    if groups is None or "cpu" not in groups.parents or groups.version != 1:
        pytest.skip("no writable cgroup controller cpu here")
    names = {f"test-shares-{os.getpid()}-{number}": f"test-{os.getpid()}-{number > 0}" for number in range(5)}
    made = [groups.create(name, tenant, memory_bytes=64 << 20, processes=16) for name, tenant in names.items()]
    folders = [next(folder for folder in group.folders if "cpu" in folder.parts[4]) for group in made]
    try:
        assert {int((folder / "cpu.shares").read_text()) for folder in folders} == {1024}
        assert {int((folder.parent / "cpu.shares").read_text()) for folder in folders} == {1024}
        assert int((folders[0].parents[1] / "cpu.shares").read_text()) == 1024 * (os.cpu_count() or 1)
        assert len({folder.parent for folder in folders}) == 2
    finally:
        assert all(group.remove() for group in made)
    assert not [folder for folder in folders if folder.parent.exists()]


_MAKING = """
import sys
from quinta.engine.sandbox.cgroups import find_cgroups
groups = find_cgroups()
for number in range(1000):
    name = f"test-{sys.argv[1]}-{number}"
    assert groups.create(name, "test-race", memory_bytes=64 << 20, processes=16).remove()
"""


def test_a_group_is_made_while_the_tenants_last_one_goes() -> None:
    """Each process's group is mostly the tenant's only one, whose removal takes the tenant's with it: of 4,000 groups
    45 could not be made before every way of meeting that was known."""
    if (groups := find_cgroups()) is None or "cpu" not in groups.parents:
        pytest.skip("no writable cgroup controller cpu here")
    makers = [subprocess.Popen([sys.executable, "-c", _MAKING, f"{os.getpid()}-{number}"]) for number in range(4)]
    assert [maker.wait(timeout=120) for maker in makers] == [0] * len(makers)


def test_groups_are_found_while_another_server_makes_and_removes_its_own(tmp_path: Path) -> None:
    groups = Cgroups(2, {"memory": tmp_path, "pids": tmp_path})
    others = tmp_path / "quinta" / "others" / "quinta-other"
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            others.mkdir(parents=True)
            others.rmdir()
            others.parent.rmdir()

    with ThreadPoolExecutor(1) as pool:
        server = pool.submit(serve)
        try:
            for _ in range(500):
                groups.sweep()
                assert not groups.existing("mine").processes()
        finally:
            ended.set()
        server.result()


def test_old_groups_that_are_empty_are_swept(tmp_path: Path) -> None:
    groups = Cgroups(2, {"memory": tmp_path, "pids": tmp_path})
    for name in ("quinta-old", "quinta-young", "quinta-used", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "quinta-used" / "cgroup.procs").touch()  # as the kernel does for a group in use, refuses rmdir
    for name in ("quinta-old", "quinta-used", "other"):
        os.utime(tmp_path / name, (0, 0))
    groups.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "quinta-used", "quinta-young"]


def test_trees_follow_parents_and_sessions() -> None:
    child = subprocess.Popen(["/bin/sh", "-c", "setsid sleep 60 & sleep 60"], start_new_session=True)
    try:
        me = look(child.pid)
        assert me is not None
        assert not me.zombie
        while len(trees(scan(), {child.pid})[child.pid]) < 3:
            pass
        tree = trees(scan(), {child.pid})[child.pid]
        assert {process.id for process in tree} >= {child.pid}
        assert all(process.resident_bytes >= 0 for process in tree)
    finally:
        kill_session(child.pid, "no such marker")
        child.wait()
    # Whoever inherited the others may not have reaped them yet.
    assert [process for process in trees(scan(), {child.pid})[child.pid] if not process.zombie] == []
    assert look(child.pid) is None
