"""Training by the platform: what a project's code says is defined without rows, and trained without the project."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from quinta.core.commits.model import DataJob
from quinta.core.datasets.model import NANO, BudgetCharge, ChargeState, Dataset
from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.jobs.model import JobStatus
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import CheckerStatus, ModelPermission, Source
from tests.engine.projects.scene import Scene, project_files
from tests.metadata import AGE, metadata_text

MLPROJECT = """
name: demo
entry_points:
  main:
    parameters:
      epsilon: {type: float, default: 1.0}
    command: "python -m dq0.makedp --action train --target-epsilon {epsilon} --epochs 2 --sampling 0.2"
"""
TABLE = "data: {name: people}, differential_privacy: {budget_delta: 1.0e-05}"
COLUMNS = (
    AGE + ", machine_learning: {is_feature: true}",
    'data: {name: ill, data_type_name: string}, private_sql: {allowed_values: ["no", "yes"]},'
    " machine_learning: {is_target: true}",
)
MODEL = """
import glob, os
assert os.environ["DQ0_DATA"] == "[]", "no rows where a model is defined"
from dq0.makedp import NaiveBayes

class UserModel:
    def setup_data(self):
        with open(os.environ["DQ0_OUTPUT_DIR"] + "/stolen.txt", "w") as file:
            file.write("what a definition leaves beside itself goes nowhere")

    def setup_model(self):
        self.model = NaiveBayes()
"""
READS = """
import os
from dq0.makedp import NaiveBayes

class UserModel:
    def setup_data(self):
        rows = self.data_source.read()
        self.X_train = [[float(age) / 100] for age in rows["age"]]
        self.y_train = list(rows["ill"])

    def setup_model(self):
        self.model = NaiveBayes()
"""


async def people(scene: Scene) -> Dataset:
    """200 of them, half of them ill, with a budget of 10; numpy is what operators' environments have."""
    scene.settings = replace(scene.settings, requirements=("numpy",), memory_megabytes=512)
    rows = "age,ill\n" + "".join(f"{age},{'yes' if age > 50 else 'no'}\n" for age in range(1, 101)) * 2
    dataset = await scene.dataset(rows, level=1, name="people")
    text = metadata_text(scene.root / "people.csv", *COLUMNS, table=TABLE, level=1)
    meta = scene.keeper.sealed(text, dataset.id)
    async with scene.database.begin() as work:
        await work.of(Dataset, EVERYTHING).change(dataset.id, meta=meta)
    await scene.budget(dataset, 10 * NANO)
    return dataset


async def charge(scene: Scene, job: DataJob) -> BudgetCharge:
    """What the job took."""
    async with scene.database.read() as work:
        (found,) = await work.of(BudgetCharge, EVERYTHING).find(job_id=job.id)
    return found


async def trained(scene: Scene, files: dict[str, str]) -> DataJob:
    """The project with these files, deployed and trained at epsilon 2."""
    upload = scene.upload({**project_files("", MLPROJECT), **files})
    commit = (await scene.commits.deploy(scene.user, scene.project.id, upload)).commit
    job = await scene.jobs.run(scene.user, scene.project.id, commit.id, "main", {"epsilon": "2"})
    async with scene.server():
        done = await scene.ended(job)
    assert done.status is JobStatus.FINISHED, await scene.jobs.log(scene.administrator, job.number)
    return done


async def test_a_training_is_the_platforms_word(scene: Scene) -> None:
    dataset = await people(scene)
    job = await trained(scene, {"my_model.py": MODEL})
    metrics, params, _, artifacts = await scene.logged(job)
    values = {metric.key: float(metric.value) for metric in metrics}
    assert {metric.source for metric in metrics} == {Source.PLATFORM}
    assert set(values) == {"accuracy", "loss", "epsilon", "delta"}
    assert values["epsilon"] <= 2
    assert values["delta"] == 1e-5
    assert {param.key: param.value for param in params}["guarantee"] == "dataset"
    assert {artifact.path: artifact.source for artifact in artifacts} == {
        "pyfunc_model/MLmodel": Source.PLATFORM,
        "pyfunc_model/encoder.json": Source.USER,
        "pyfunc_model/model.json": Source.PLATFORM,
        "pyfunc_model/weights.npy": Source.PLATFORM,
        "training.json": Source.PLATFORM,
    }
    taken = await charge(scene, job)
    assert (taken.amount, taken.state, taken.dataset_id) == (2 * NANO, ChargeState.RESERVED, dataset.id)
    view = await scene.models.register(scene.user, job.number)
    assert view.model.epsilon is not None
    assert 0 < view.model.epsilon <= 2 * NANO
    assert (await charge(scene, job)).state is ChargeState.SETTLED


async def test_code_in_place_of_the_trainer_says_no_more_than_a_definition(scene: Scene) -> None:
    """A project's own ``dq0.makedp`` is found before ours where a model is defined, and is not there where it is
    trained."""
    await people(scene)
    definition = {
        "model": {
            "family": "naive_bayes",
            "task": "classification",
            "hidden": [],
            "activation": "relu",
            "weight_decay": 0,
        },
        "features": ["age"],
        "target": "ill",
        "metrics": {"stolen": 1},
    }
    fake = f"""
import json, os
folder = os.environ["DQ0_OUTPUT_DIR"]
os.makedirs(folder + "/pyfunc_model")
open(folder + "/pyfunc_model/weights.npy", "w").write("forged")
json.dump({{"metrics": {{"stolen": 1}}, "params": {{}}, "guarantee": "dataset"}}, open(folder + "/training.json", "w"))
json.dump({definition!r}, open(folder + "/definition.json", "w"))
"""
    job = await trained(scene, {"dq0/makedp/__init__.py": "", "dq0/makedp/__main__.py": fake})
    metrics, _, _, artifacts = await scene.logged(job)
    assert {metric.key for metric in metrics} == {"accuracy", "loss", "epsilon", "delta"}
    (weights,) = [artifact for artifact in artifacts if artifact.path.endswith("weights.npy")]
    assert (await scene.content(weights.key)).startswith(b"\x93NUMPY")


async def test_a_project_that_reads_rows_speaks_for_itself(scene: Scene) -> None:
    await people(scene)
    job = await trained(scene, {"my_model.py": READS})
    metrics, _, _, artifacts = await scene.logged(job)
    assert {row.source for row in [*metrics, *artifacts]} == {Source.USER}
    with pytest.raises(NotFound):
        await scene.models.register(scene.user, job.number)


async def test_a_model_is_checked_and_asked(scene: Scene) -> None:
    """Neither needs the project's code; no rows of the dataset are there where a model is asked."""
    await people(scene)
    training = await trained(scene, {"my_model.py": MODEL})
    model = (await scene.models.register(scene.user, training.number)).model
    assert model.permissions == ()
    with pytest.raises(NotPermitted):
        await scene.model_jobs.predict(scene.user, model.id, "[[20], [90]]", "json")
    check = await scene.model_jobs.check(scene.user, model.id)
    assert (check.privacy_level, (await scene.models.get(scene.user, model.id)).model.checker_status) == (1, "pending")
    async with scene.server():
        done = await scene.ended(check)
    assert done.status is JobStatus.FINISHED, await scene.jobs.log(scene.administrator, check.number)
    assert json.loads(done.result or "")["passed"] is True
    assert "advantage" not in str((await scene.seen(scene.user, check)).job.result)
    found = (await scene.models.get(scene.user, model.id)).model
    assert (found.checker_status, ModelPermission.PREDICT in found.permissions) == ("passed", True)
    asked = await scene.model_jobs.predict(scene.user, model.id, "[[20], [90]]", "json")
    as_csv = await scene.model_jobs.predict(scene.user, model.id, "20\n90\n", "csv")
    with pytest.raises(InvalidInput):
        await scene.model_jobs.predict(scene.user, model.id, "", "parquet")
    with pytest.raises(NotFound):
        await scene.model_jobs.predict(scene.other, model.id, "[]", "json")
    async with scene.server():
        results = [await scene.ended(job) for job in (asked, as_csv)]
    for job in results:
        assert job.status is JobStatus.FINISHED, await scene.jobs.log(scene.user, job.number)
        view = await scene.seen(scene.user, job)
        assert (view.withheld, json.loads(view.job.result or "")) == (False, json.loads(results[0].result or ""))
        assert [artifact.path for artifact in (await scene.logged(job))[3]] == ["predictions.csv", "predictions.json"]
    late = await scene.model_jobs.predict(scene.user, model.id, "[[20]]", "json")
    await scene.models.change(scene.owner, model.id, permissions=[])
    async with scene.server():
        refused = await scene.ended(late)
    assert (refused.status, refused.reason) == (JobStatus.FAILED, Reason.REQUEST_REFUSED)


async def test_a_model_is_checked_when_it_is_registered_and_predictions_wait_for_that(scene: Scene) -> None:
    """The SDK registers and then predicts, and has no call for the check between (contract dq0 3.7)."""
    await people(scene)
    training = await trained(scene, {"my_model.py": MODEL})
    model = (await scene.model_jobs.register(scene.user, training.number, "pyfunc_model")).model
    assert (model.permissions, model.checker_status) == ((), CheckerStatus.PENDING)
    asked = await scene.model_jobs.predict(scene.user, model.id, "[[20], [90]]", "json")
    async with scene.server():
        done = await scene.ended(asked)
    assert done.status is JobStatus.FINISHED, await scene.jobs.log(scene.administrator, asked.number)
    assert (await scene.models.get(scene.user, model.id)).model.checker_status is CheckerStatus.PASSED


async def test_predictions_of_a_model_whose_check_was_cancelled(scene: Scene) -> None:
    await people(scene)
    training = await trained(scene, {"my_model.py": MODEL})
    model = (await scene.models.register(scene.user, training.number)).model
    check = await scene.model_jobs.check(scene.user, model.id)
    waiting = await scene.model_jobs.predict(scene.user, model.id, "[[20]]", "json")
    assert await scene.jobs.cancel(scene.user, check.number)
    with pytest.raises(NotPermitted, match="must allow it"):
        await scene.model_jobs.predict(scene.user, model.id, "[[20]]", "json")
    async with scene.server():
        refused = await scene.ended(waiting)
    assert (refused.status, refused.reason) == (JobStatus.FAILED, Reason.REQUEST_REFUSED)
