"""Where in the object store the archives of repositories, jobs and commits are."""

from __future__ import annotations

from typing import Literal


def repository_key(project_id: str, repository_id: str) -> str:
    """The zip of a repository's files."""
    return f"projects/{project_id}/repositories/{repository_id}/input.zip"


def job_key(project_id: str, job_id: str, part: Literal["overlay", "output", "logs"]) -> str:
    """The zip of files put over the repository's for a job, or of what the job left."""
    return f"projects/{project_id}/jobs/{job_id}/{part}.zip"


def commit_key(project_id: str, commit_id: str) -> str:
    """The zip of a project's code."""
    return f"projects/{project_id}/commits/{commit_id}/code.zip"


def data_job_key(project_id: str, job_id: str, part: Literal["input", "log"]) -> str:
    """What a job on datasets was given, or the text of what it printed."""
    return f"projects/{project_id}/data-jobs/{job_id}/{part}"


def artifact_key(project_id: str, run_id: str, artifact_id: str) -> str:
    """A file that a run left; its path is the row's, since keys have fewer characters than paths."""
    return f"projects/{project_id}/runs/{run_id}/{artifact_id}"
