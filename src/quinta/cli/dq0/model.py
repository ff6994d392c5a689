"""``dq0 model``: training in the quarantine, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quinta.cli.dq0.desk import Desk, Failure, OutputOption, path, say, show
from quinta.cli.dq0.project import deployed
from quinta.cli.options import Output
from quinta.cli.version2.render import visible

app = typer.Typer(help="Models of the project in this folder.", no_args_is_help=True)
Job = Annotated[str, typer.Option("--job-uuid", help="Else the last one of this project.")]
_TRAINING = "commit.run"
_LAST_LINES = 20
_SHOWN = ("job_uuid", "job_type", "job_state", "job_progress", "job_errors", "job_results")


@app.command()
def train(
    entry_point: Annotated[str, typer.Option(help="Of the project's MLproject.")] = "train_use_dq0_makedp",
    arguments: Annotated[list[str] | None, typer.Option("--arg", help="KEY=VALUE for the entry point.")] = None,
) -> None:
    """Deploy the folder and start an entry point on the attached data."""
    given = dict(each.partition("=")[::2] for each in arguments or ())
    if not all("=" in each and each[0] != "=" for each in arguments or ()):
        raise typer.BadParameter("--arg takes KEY=VALUE")
    desk = Desk()
    project = desk.project()
    commit = deployed(desk)["message"].split(" ")[-1]
    answer = desk.post(
        "/runs",
        {"project_uuid": project, "commit_uuid": commit, "ml_project_entry_point": entry_point, "args": given},
    )
    desk.remember(project, job=answer["message"].split(" ")[-1])
    say(answer)


@app.command()
def state(
    job_uuid: Job = "",
    wait: Annotated[bool, typer.Option("--wait", help="Until the job has ended; fails where it failed.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how far a job is; of a training that has finished what it measured, of one that failed its last lines."""
    desk = Desk()
    uuid = job_uuid or _last_job(desk)
    job = desk.wait(uuid) if wait else desk.get(path("jobs", uuid))
    if output is Output.JSON:
        show(job, output)
        return
    shown: dict[str, Any] = {name: job.get(name) for name in _SHOWN}
    if job["job_state"] == "finished" and job["job_type"] == _TRAINING:
        metrics = desk.get(path("runs", job["job_uuid"]))["run_metrics"]
        shown |= {f"metrics.{metric['key']}": metric["value"] for metric in metrics}
    show(shown, output)
    if job["job_state"] == "error":
        for line in str(job.get("job_logs", "")).splitlines()[-_LAST_LINES:]:
            typer.echo(visible(line))


@app.command()
def cancel(
    job_uuid: Job = "", force: Annotated[bool, typer.Option("--force", help="At once, without time to end.")] = False
) -> None:
    """Stop a job: it is asked to end, and ended ten seconds later."""
    desk = Desk()
    job = job_uuid or _last_job(desk)
    say(desk.post(path("jobs", job, "cancel"), {"force": force}))


@app.command()
def register(
    job_uuid: Job = "",
    model_path: Annotated[str, typer.Option(help="The folder among the run's artifacts.")] = "pyfunc_model",
) -> None:
    """Keep what a run has trained as a model."""
    desk = Desk()
    project, job = desk.project(), job_uuid or _last_job(desk)
    model = desk.post("/models/register", {"run_uuid": job, "model_path": model_path})["model_uuid"]
    desk.remember(project, model=model)
    typer.echo(f"successfully registered model with uuid: {model}")


@app.command()
def predict(
    input_path: Annotated[Path, typer.Option(help="Rows, as JSON or CSV.", exists=True, dir_okay=False)],
    model_uuid: Annotated[str, typer.Option(help="Else the last registered one of this project.")] = "",
) -> None:
    """Start a prediction; 'dq0 model state' then tells of it."""
    desk = Desk()
    project = desk.project()
    known = desk.remembered(project)
    model = model_uuid or (known.model if known is not None else "")
    if not model:
        raise Failure("which model? Give --model-uuid, or run 'dq0 model register' first")
    answer = desk.post(path("models", model, "predict"), {"input_data": str(input_path.resolve())})
    desk.remember(project, job=answer["message"].split(" ")[-1])
    say(answer)


def _last_job(desk: Desk) -> str:
    known = desk.remembered(desk.project())
    if known is None or not known.job:
        raise Failure("which job? Give --job-uuid, or start one with 'dq0 model train'")
    return known.job
