"""User code that wants the rows out, by every way it has; and what each of these shows to whom (contract dq0 5.7)."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from quinta.core.commits.approvals import approve_as_operator
from quinta.core.commits.model import DataJob
from quinta.core.errors import NotFound, NotPermitted, StateConflict
from quinta.core.jobs.model import JobStatus
from quinta.core.observation.failures import Subject
from quinta.core.reasons import Reason
from quinta.core.tracking.model import Source
from quinta.engine.projects.logged import MOST_METRICS, read_logged
from quinta.wire.messages import TRACKING_FILE
from tests.engine.projects.scene import Scene
from tests.engine.projects.test_runs import LOG

ROW = "Grace Hopper"
ATTACK = (
    LOG
    + """
(data,) = json.loads(os.environ["DQ0_DATA"])
row = open(data["path"]).read().splitlines()[1]
print("printed", row)
sys.stderr.write("on stderr " + row + chr(10))
print("[__KEYWORD_PROGRESS_0%d__]" % len(row))
for path in ("/proc/%d/fd/1" % os.getppid(), "/proc/1/fd/1", "/dev/stdout"):
    try:
        open(path, "w").write("through another's pipe " + row + chr(10))
    except OSError:
        pass
call("runs/log-metric", key=row, value=1)
call("runs/log-metric", key="rows", value=str(len(row)))
call("runs/log-parameter", key="param", value=row)
call("runs/set-tag", key=row, value="tag")
open(os.environ["DQ0_OUTPUT_DIR"] + "/" + row, "w").write(row)
open(os.environ["DQ0_OUTPUT_DIR"] + "/../logs/" + row, "w").write(row)
"""
)
ENDS = {
    "finished": "",
    "raised": "raise ValueError(row)",
    "exit code": "sys.exit(len(row))",
    "text as exit code": "sys.exit(row)",
    "signal": "os.kill(os.getpid(), 9)",
    "worker": "os.kill(os.getppid(), 9)",
    "memory": "x = [bytes(1 << 20) * 16 for _ in range(1000)]",
}


async def _attacked(scene: Scene, level: int, end: str) -> DataJob:
    await scene.dataset(f"name\n{ROW}\n", level)
    job = await scene.run(ATTACK + ENDS[end])
    async with scene.server():
        return await scene.ended(job)


def _everything_said(view: object) -> str:
    return repr(view)


@pytest.mark.parametrize("level", [1, 2])
async def test_nothing_that_the_code_says_is_shown(scene: Scene, level: int) -> None:
    """Each of its ways leads to rows that are withheld, and none to the log of the project."""
    done = await _attacked(scene, level, "finished")
    assert done.status is JobStatus.FINISHED
    run = await scene.the_run(done)
    assert (run.withheld, run.approved_at) == (True, None)
    metrics, params, tags, artifacts = await scene.logged(done)
    said = [row for rows in (metrics, params, tags) for row in rows if row.source is not Source.PLATFORM]
    assert {row.key for row in said} == {ROW, "rows", "param", "mode"}
    assert all(artifact.source is Source.USER for artifact in artifacts)
    view = await scene.seen(scene.user, done)
    assert view.withheld
    assert ROW not in _everything_said(view)
    assert "withheld" in (view.job.result or "")
    assert (view.job.progress, view.job.log_key) == (100, None)
    assert await scene.jobs.log(scene.user, done.number) == ""
    assert await scene.lines() == []


@pytest.mark.parametrize("end", ["raised", "exit code", "text as exit code", "signal", "worker", "memory"])
async def test_no_end_says_more_than_that_it_failed(scene: Scene, end: str) -> None:
    """Whatever the code does to fail in a special way: all failures are the same to who may not see it."""
    done = await _attacked(scene, 2, end)
    assert done.status is JobStatus.FAILED
    view = await scene.seen(scene.user, done)
    text = "withheld: the job read data of privacy level 2; a data owner can approve it"
    assert (view.state, view.job.error_message, view.job.reason, view.job.result) == ("error", text, None, None)
    assert view.job.progress == 0
    assert await scene.jobs.log(scene.user, done.number) == ""
    assert ROW not in _everything_said(view)
    assert await scene.lines() == []
    own = await scene.seen(scene.owner, done)
    assert own.job.error_message != text
    assert f"printed {ROW}" in await scene.jobs.log(scene.owner, done.number)


async def test_on_public_data_all_is_shown(scene: Scene) -> None:
    done = await _attacked(scene, 0, "raised")
    view = await scene.seen(scene.user, done)
    assert not view.withheld
    assert view.job.error_message == "the command ended with exit code 1"
    assert f"ValueError: {ROW}" in await scene.jobs.log(scene.user, done.number)
    assert await scene.lines() == []


async def test_owners_and_administrators_see_it_and_who_has_no_project_nothing(scene: Scene) -> None:
    done = await _attacked(scene, 2, "finished")
    view = await scene.seen(scene.owner, done)
    assert (view.withheld, view.job.result) == (False, None)
    assert f"printed {ROW}" in await scene.jobs.log(scene.owner, done.number)
    for actor in (scene.administrator, scene.other):
        with pytest.raises(NotFound):
            await scene.seen(actor, done)


async def test_who_owns_one_of_two_datasets_sees_no_more_than_others(scene: Scene) -> None:
    second = await scene.people.person("second", "owner")
    await scene.dataset("a\n1\n", level=1, name="more", owner=second)
    await scene.dataset(f"name\n{ROW}\n", level=2)
    job = await scene.run("print('both')")
    async with scene.server():
        done = await scene.ended(job)
    for actor in (
        scene.owner,
        second,
        scene.administrator,
    ):  # of whose own data it is half, and who have nothing to do with the project
        with pytest.raises(NotFound):
            await scene.seen(actor, done)
        with pytest.raises(NotFound):
            await scene.jobs.approve(actor, done.number)
    assert (await scene.seen(scene.user, done)).withheld
    for _ in range(2):
        assert (await approve_as_operator(scene.database, scene.people.clock, done.number.upper())).id == done.id
    assert not (await scene.seen(scene.user, done)).withheld


async def test_an_approved_run_is_shown(scene: Scene) -> None:
    done = await _attacked(scene, 2, "exit code")
    with pytest.raises(NotPermitted):
        await scene.jobs.approve(scene.user, done.number)
    assert not (await scene.jobs.approve(scene.owner, done.number)).withheld
    approved = (await scene.the_run(done)).approved_at
    assert approved is not None
    await scene.jobs.approve(scene.owner, done.number)
    assert (await scene.the_run(done)).approved_at == approved
    view = await scene.seen(scene.user, done)
    assert (view.withheld, view.job.error_message) == (False, f"the command ended with exit code {len(ROW)}")
    assert f"printed {ROW}" in await scene.jobs.log(scene.user, done.number)


async def test_what_runs_cannot_be_approved_and_shows_no_progress(scene: Scene) -> None:
    await scene.dataset(f"name\n{ROW}\n", level=1)
    job = await scene.run("import time; print('[__KEYWORD_PROGRESS_077__]'); time.sleep(300)")
    async with scene.server():
        await scene.when(job, lambda now: now.progress == 77)
        view = await scene.seen(scene.user, job)
        assert (view.state, view.job.progress) == ("running", 0)
        assert (await scene.seen(scene.owner, job)).job.progress == 77
        with pytest.raises(StateConflict):
            await scene.jobs.approve(scene.owner, job.number)
        await scene.jobs.cancel(scene.user, job.number, force=True)
        done = await scene.ended(job)
    view = await scene.seen(scene.user, done)
    assert (view.job.error_message, view.job.progress) == ("job cancelled by user", 0)


HOSTILE = """
import json, os, sys
logs = os.environ["DQ0_OUTPUT_DIR"] + "/../logs/"
lines = [
    "no json", "[]", "{}", '{"metric": 1}', '{"metric": ["k", "x", 0, 0]}',
    '{"metric": ["k", 1, 99999999999999999999, 0]}',
    '{"param": ["", "v"]}', '{"param": ["k", "a\\\\u0000b"]}', '{"param": ["k", "\\\\ud800"]}',
    '{"tag": ["mlflow.project.entryPoint", "other"]}', '{"param": ["mode", "other"]}',
    '{"metric": ["' + "k" * 300 + '", 1, 0, 0]}', "x" * 200000, '{"metric": ["good", 1, 0, 0]}',
]
open(logs + "tracking.jsonl", "w").write(chr(10).join(lines) + chr(10))
out = os.environ["DQ0_OUTPUT_DIR"]
os.symlink("/etc/passwd", out + "/link")
os.mkfifo(out + "/pipe")
"""


async def test_nothing_that_the_code_leaves_is_believed(scene: Scene) -> None:
    job = await scene.run(HOSTILE)
    async with scene.server():
        done = await scene.ended(job)
    assert done.status is JobStatus.FINISHED, await scene.jobs.log(scene.user, job.number)
    metrics, params, tags, artifacts = await scene.logged(job)
    assert [metric.key for metric in metrics] == ["good"]
    assert [(param.key, param.value) for param in params] == [("mode", "quiet")]
    assert [(tag.key, tag.value) for tag in tags] == [("mlflow.project.entryPoint", "main")]
    assert artifacts == []
    assert "12 lines that the run logged could not be taken" in await scene.jobs.log(scene.user, job.number)


async def test_a_link_in_place_of_the_lines_leads_nowhere(scene: Scene) -> None:
    job = await scene.run("""
import os
logs = os.environ["DQ0_OUTPUT_DIR"] + "/../logs/tracking.jsonl"
os.remove(logs); os.symlink("/etc/passwd", logs)
""")
    async with scene.server():
        assert (await scene.ended(job)).status is JobStatus.FINISHED
    assert (await scene.logged(job))[0] == []


ESCAPES = """
import glob, json, os, socket, subprocess, sys

data = json.loads(os.environ["DQ0_DATA"])
out, marker = os.environ["DQ0_OUTPUT_DIR"], "canary-of-the-first"

def tries(what, attempt):
    try:
        print(what, "succeeded:", attempt())
    except Exception as error:
        print(what, "failed:", type(error).__name__)

def write(path):
    return lambda: open(path, "a").write(marker)

own = [os.path.realpath(path) for path in (out, os.getcwd(), os.environ["HOME"], "/tmp", os.path.dirname(out), "/dev")]
places = ["/", "/opt", "/usr/lib", "/etc", "/var/tmp", "/run", "/opt/mounts", sys.prefix, os.path.dirname(os.__file__)]
places += sys.path + [os.path.dirname(each["path"]) for each in data] + os.environ["PYTHONPATH"].split(os.pathsep)
for place in {os.path.realpath(place) for place in places if os.path.isdir(place)}:
    if not any(place == known or place.startswith(known + "/") for known in own):
        tries("writing", write(os.path.join(place, marker)))
for each in data:
    for key in ("path", "metadata", "declared"):
        tries("writing", write(each[key]))
    tries("changing", lambda: os.chmod(each["path"], 0o666))
    tries("changing", lambda: os.unlink(each["path"]))
others = [pid for pid in os.listdir("/proc") if pid.isdigit()]
owners = {open("/proc/%s/cmdline" % pid).read().split(chr(0))[0].rpartition("/")[2] for pid in others}
print("processes:", len(others) < 6, sorted(owners))
tries("resolving", lambda: socket.getaddrinfo("canary.example.com", 80))
for address in (("192.0.2.1", 53), ("10.0.0.1", 80), ("127.0.0.1", SERVER)):
    tries("sending", lambda: socket.create_connection(address, 2))
tries("a device", lambda: os.mknod(out + "/device", 0o20666, os.makedev(1, 3)))
tries("a mount", lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/mnt"], check=True))
tries("root", lambda: os.setuid(0) if os.getuid() else os.chroot("/proc/1/root"))
print("secrets:", [name for name in os.environ if "QUINTA" in name or "TOKEN" in name or "PASSWORD" in name])
print("found:", glob.glob("/tmp/*canary*") + glob.glob("/dev/shm/*canary*") + glob.glob("/var/tmp/*canary*"))
for path in ("/tmp/", "/dev/shm/", "/var/tmp/", os.environ["HOME"] + "/"):
    try:
        open(path + marker, "w").write(marker)
    except OSError:
        pass
os.symlink("/etc/passwd", out + "/link")
os.symlink("..", out + "/folder")
os.link(__file__, out + "/own")
socket.socket(socket.AF_UNIX).bind(out + "/socket")
code = "import os, time; os.setsid(); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", code, marker], start_new_session=True)
print("end")
"""


def _alive(marker: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker in (folder / "cmdline").read_text():
                found.append(folder.name)
        except OSError:  # it ended meanwhile
            continue
    return found


async def test_there_is_no_way_out_of_the_sandbox(scene: Scene) -> None:
    """Nor to the next run, nor past the end of its own."""
    await scene.dataset(f"name\n{ROW}\n", level=0)
    with socket.create_server(("127.0.0.1", 0)) as door:
        code = ESCAPES.replace("SERVER", str(door.getsockname()[1]))
        for _ in range(2):
            job = await scene.run(code)
            async with scene.server():
                done = await scene.ended(job)
            log = await scene.jobs.log(scene.user, job.number)
            assert done.status is JobStatus.FINISHED, log
            assert "succeeded" not in log
            for line in ("processes: True", "secrets: []", "found: []", "end", "sending failed", "writing failed"):
                assert line in log, log
            assert [each.path for each in (await scene.logged(job))[3]] == ["own"]
            assert _alive("canary-of-the-first") == []


@pytest.mark.parametrize(
    "attempt",
    [
        "open(out + '/large', 'wb').truncate(20 << 30)",
        "[open(out + '/%d' % n, 'w').close() for n in range(20_000)]",
        "os.makedirs(out + '/' + '/'.join('d' * 200 for _ in range(15)))",
        "[open(out + '/' + chr(0x4e00 + n) * 80, 'w').close() for n in range(20)]",
    ],
)
async def test_too_much_is_the_end_of_one_run_alone(scene: Scene, attempt: str) -> None:
    """Whatever becomes of it, the server goes on, and the next run ends well."""
    job = await scene.run(f"import os; out = os.environ['DQ0_OUTPUT_DIR']; {attempt}")
    following = await scene.run("print('still here')")
    async with scene.server():
        assert (await scene.ended(job)).status.ended
        assert (await scene.ended(following)).status is JobStatus.FINISHED
    assert len((await scene.logged(job))[3]) <= 10_000


def test_of_a_huge_history_a_bounded_part_is_kept(tmp_path: Path) -> None:
    lines = (json.dumps({"metric": ["loss", number, number, 0]}) for number in range(MOST_METRICS + 10))
    (tmp_path / TRACKING_FILE).write_text("\n".join(lines) + "\n")
    logged = read_logged(tmp_path, tmp_path / "copy")
    assert (len(logged.metrics), logged.left_out) == (MOST_METRICS, 10)


async def test_no_sum_of_the_servers_tells_of_it(scene: Scene) -> None:
    """What it uses, how it ends and how long it says that it took would be read by everybody at /metrics. What is
    counted is the time that it had an instance."""
    await scene.dataset(f"name\n{ROW}\n", level=2)
    job = await scene.run("import os, time; held = bytes(1 << 25); time.sleep(1); os.kill(os.getppid(), 9)")
    async with scene.server():
        assert (await scene.ended(job)).status is JobStatus.FAILED
        assert dict(scene.failures.totals) == {(Subject.JOB, Reason.MODEL_ERROR): 1}
    await scene.recorder.flush()
    counted = {metric for _, metric in scene.recorder.totals}
    assert "instance_seconds" in counted
    assert counted.isdisjoint({"processor_seconds", "memory_megabyte_seconds", "sampled_seconds"})
    tally = scene.supervisor.tally.total()
    assert (tally.whole.count, tally.ends) == (0, {})
