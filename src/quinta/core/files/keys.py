"""Where in the object store the archives of repositories and jobs are."""

from __future__ import annotations

from typing import Literal


def repository_key(project_id: str, repository_id: str) -> str:
    """The zip of a repository's files."""
    return f"projects/{project_id}/repositories/{repository_id}/input.zip"


def job_key(project_id: str, job_id: str, part: Literal["overlay", "output", "logs"]) -> str:
    """The zip of files put over the repository's for a job, or of what the job left."""
    return f"projects/{project_id}/jobs/{job_id}/{part}.zip"
