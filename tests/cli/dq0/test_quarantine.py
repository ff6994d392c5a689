"""The command as people use it, on a real server: from nothing to predictions, as docs/dq0.md says (design 4; contract
dq0 2.1, 3.7)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.cli.dq0.conftest import Command
from tests.dialects.dq0.house import House
from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.dialects.ubiops.waiting import wait_for
from tests.gateway.quarantine import Quarantine
from tests.serving import RunningServer

CENSUS = Path(__file__).resolve().parents[3] / "examples" / "census"


@pytest.fixture
def command(
    server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(Quarantine(), int(server.url.rpartition(":")[2]), capsys, monkeypatch)


def begin(command: Command, house: House, role: str) -> None:
    """Somebody at a computer of their own."""
    email = new_email()
    command.patch.setenv("QUINTA_GATEWAY_FOLDER", str(Path.cwd() / f"{role} dq0"))
    command.told("proxy", "add", "--hostname", "127.0.0.1", "--port", str(command.port))
    typed = f"{email}\n{PASSWORD}\n"
    assert "administrator" in command.told("user", "register", given=typed)
    assert "waits for an administrator" in command.refused(1, "user", "login", given=typed)
    house.admin.ok("PATCH", f"/users/{house.number_of(email)}", json={"state": "active", "roles": [house.roles[role]]})
    assert email in command.told("user", "login", given=typed)


def state_of(command: Command) -> dict[str, str]:
    return dict(json.loads(command.told("model", "state", "--output", "json")))


def ask(command: Command, name: str) -> None:
    """The price of a question, its answer and a refusal."""
    query = ("query", "SELECT COUNT(*) AS n FROM us.adults", "--datasets", name, "--epsilon", "0.25")
    priced = command.told(*query, "--cost")
    assert "epsilon 0.25 of the budget" in priced
    assert ["n", "discrete", "Laplace"] in [line.split()[:3] for line in priced.splitlines()]
    code, out, err = command.run(*query)
    head, count = out.split()
    assert (code, head, int(count) > 1_000) == (0, "n", True)
    assert "Charged epsilon 0.25" in err
    assert "foo" in command.refused(1, "query", "foo", "--datasets", name)


def ended(command: Command) -> dict[str, str]:
    return wait_for(lambda: state_of(command), lambda job: job["job_state"] in ("finished", "error"), seconds=240)


def test_from_nothing_to_predictions(command: Command, server: RunningServer, tmp_path: Path) -> None:
    house = House(server)
    begin(command, house, "owner")
    name = f"census-{uuid.uuid4().hex[:12]}"
    text = (CENSUS / "census.yaml").read_text().replace("{name: census,", f"{{name: {name},")
    Path("census.yaml").write_text(text.replace("uri: census.csv", f"uri: {CENSUS / 'census.csv'}"))
    shown = command.told("data", "create", "--meta", "census.yaml")
    assert name in shown
    assert "data_meta" not in shown
    assert "already" in command.refused(1, "data", "create", "--meta", "census.yaml")

    begin(command, house, "user")
    house.close()
    listed = json.loads(command.told("data", "list", "--output", "json"))["items"]
    data = next(item["data_uuid"] for item in listed if item["data_name"] == name)
    assert name in command.told("data", "info", "--data-source-uuid", data)
    command.told("project", "create", "shop")
    assert "exists already" in command.refused(1, "project", "create", "shop")
    command.patch.chdir(tmp_path / "shop")
    assert "shop" in command.told("project", "info")
    assert "no such dataset" in command.refused(1, "data", "attach", "--data-source-uuid", str(uuid.uuid4()))
    assert "attached" in command.told("data", "attach", "--data-source-uuid", data)
    assert command.told("project", "deploy") == command.told("project", "deploy")

    assert "budget" in command.refused(1, "model", "train", "--arg", "target-epsilon=1000")
    command.told("model", "train", "--arg", "epochs=2")
    done = ended(command)
    assert done["job_state"] == "finished", done["job_errors"] + done["job_logs"]
    assert "metrics.accuracy" in command.told("model", "state")
    assert "registered" in command.told("model", "register")
    row = [39, "Private", 13, "Divorced", "Sales", "Unmarried", "Male", 0, 0, 40]
    Path("rows.json").write_text(json.dumps([row, row[1:]]))
    command.told("model", "predict", "--input-path", "rows.json")
    done = ended(command)
    assert "must have 10 values: age, workclass" in done["job_errors"]
    Path("rows.json").write_text(json.dumps([row, row]))
    command.told("model", "predict", "--input-path", "rows.json")
    done = ended(command)
    assert done["job_state"] == "finished", done["job_errors"] + done["job_logs"]
    assert len(json.loads(done["job_results"])["predictions"]) == 2
    ask(command, name)

    assert "detached" in command.told("data", "detach", "--data-source-uuid", data)
    command.told("model", "train")
    done = ended(command)
    assert "no dataset is attached" in done["job_errors"]
    assert "no dataset is attached" in command.told("model", "state")
    Path("train.py").write_text("import time\nwhile True:\n    time.sleep(0.1)\n")
    command.told("model", "train", "--entry-point", "train_use_my_model")
    command.told("model", "cancel", "--force")
    done = ended(command)
    assert done["job_errors"] == "job cancelled by user"
    command.told("user", "logout")
    assert "dq0 user login" in command.refused(1, "model", "state")
