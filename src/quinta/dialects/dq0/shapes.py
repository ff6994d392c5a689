"""What answers look like (contract dq0 4; the reference's 166 schemas). Nothing is ever null: what is absent is empty
(9.15). Members that the reference lacks are marked as additions."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Error(BaseModel):
    error: str


class Message(BaseModel):
    message: str


class Started(Message):
    """``job_uuid``, which ends the message too, is an addition."""

    job_uuid: str


class Nothing(BaseModel):
    """The answer of operations that set, add or remove something."""


class Listed(BaseModel):
    """Around the items of every list."""

    total: int
    page: int
    page_size: int


class Token(BaseModel):
    token: str


class ServerKey(BaseModel):
    """Of the whole answer everything is an addition."""

    public_key: str
    fingerprint: str


class Account(BaseModel):
    """``password`` is always empty. ``roles`` are the ids of all, the first is ``role`` (an addition)."""

    id: int
    email: str
    role: int
    role_name: str
    roles: list[int]
    state: str
    password: str
    created_at: int
    updated_at: int


class Accounts(Listed):
    items: list[Account]


class Profile(BaseModel):
    user_id: int
    name: str
    public_email: str
    avatar: str
    company: str
    location: str
    website: str


class Group(BaseModel):
    group_id: int
    group_name: str
    created_at: int
    updated_at: int


class Groups(Listed):
    items: list[Group]


class Role(BaseModel):
    """``permission``, its level, is an addition."""

    role_id: int
    role_name: str
    permission: int
    created_at: int
    updated_at: int


class Roles(Listed):
    items: list[Role]


class Action(BaseModel):
    """``permissions``, the levels that were set by role, is an addition."""

    action_id: int
    action_name: str
    action_next_page_token: str
    permissions: dict[str, int]


class Actions(Listed):
    items: list[Action]


class Audit(BaseModel):
    action: str
    actor: str
    description: str
    timestamp: str


class Audits(Listed):
    items: list[Audit]


class Budget(BaseModel):
    """``spent``, what it comes to by a tighter bound, ``spent_tightly``, and the delta at which it does are additions:
    for who manages the dataset, when asked for that one."""

    data_id: int
    data_name: str
    initial: float
    current: float
    created_at: int
    updated_at: int
    spent: float
    spent_tightly: float
    tight_delta: float


class Budgets(Listed):
    items: list[Budget]


class Mask(BaseModel):
    """``user_id`` and ``user_email``, 0 and empty for everybody's, are additions."""

    data_id: int
    data_name: str
    hidden: str
    private: str
    public: str
    user_id: int
    user_email: str
    created_at: int
    updated_at: int


class Masks(Listed):
    items: list[Mask]


class Threshold(BaseModel):
    """``user_id`` and ``user_email``, 0 and empty for everybody's, are additions."""

    data_id: int
    data_name: str
    field: str
    threshold: int
    user_id: int
    user_email: str
    created_at: int
    updated_at: int


class Thresholds(Listed):
    items: list[Threshold]


class Data(BaseModel):
    """``data_id``, and ``data_meta`` and ``privacy_level`` for who manages the dataset, are additions."""

    data_id: int
    data_uuid: str
    data_name: str
    data_type: str
    data_description: str
    data_permissions: list[str]
    data_mean: str
    data_std: str
    data_stats: str
    data_sample: str
    data_size: int
    data_usage: float
    data_meta: str
    privacy_budget: int
    commit_uuid: str
    commit_name: str
    project_uuid: str
    project_name: str
    user_id: int
    user_name: str
    created_at: int
    updated_at: int


class DataList(Listed):
    items: list[Data]


class Sample(BaseModel):
    uuid: str
    name: str
    type: str
    sample: str


class Project(BaseModel):
    """The struct that projects, commits and experiments share. ``datasets``, the uuids by name, is an addition."""

    project_uuid: str
    project_name: str
    data_uuid: str
    data_name: str
    datasets: dict[str, str]
    model_uuid: str
    model_name: str
    model_checker_status: str
    predict_allowed: bool
    predict_proba_allowed: bool
    latest_experiment_uuid: str
    latest_experiment_name: str
    latest_experiment_result: str
    created_at: int
    updated_at: int


class Projects(Listed):
    items: list[Project]


class ProjectMade(BaseModel):
    """``project_uuid`` and ``project_name``, which a gateway needs, are additions."""

    message: str
    project_uuid: str
    project_name: str


class Commit(Project):
    """``commit_uuid`` and ``commit_name`` are additions."""

    commit_uuid: str
    commit_name: str


class Commits(Listed):
    items: list[Commit]


class ArtifactFile(BaseModel):
    path: str
    label: str
    header: str
    is_dir: bool
    file_size: str
    children: list[ArtifactFile]


class CommitContent(Commit):
    """``content``, its files, is an addition; with ``path`` in the body, ``file_path`` and ``file_string`` are one."""

    content: list[ArtifactFile]
    file_path: str
    file_string: str


class Experiment(Project):
    """``experiment_uuid``, ``experiment_name`` and ``experiment_stage`` are additions."""

    experiment_uuid: str
    experiment_name: str
    experiment_stage: str


class Experiments(Listed):
    items: list[Experiment]


class Job(BaseModel):
    job_uuid: str
    job_name: str
    job_type: str
    job_state: str
    job_progress: float
    job_params: str
    job_results: str
    job_errors: str
    job_logs: str
    commit_uuid: str
    commit_name: str
    project_uuid: str
    project_name: str
    user_id: int
    user_name: str
    created_at: int
    updated_at: int


class Jobs(Listed):
    items: list[Job]


class RunMetric(BaseModel):
    key: str
    value: float | str
    step: str
    timestamp: str


class RunPair(BaseModel):
    key: str
    value: str


class Run(Job):
    experiment_uuid: str
    experiment_name: str
    run_uuid: str
    run_status: str
    run_stage: str
    run_start_time: int
    run_end_time: int
    run_metrics: list[RunMetric]
    run_params: list[RunPair]
    run_tags: list[RunPair]
    predict: Any = None


class Runs(Listed):
    items: list[Run]


class ArtifactData(BaseModel):
    """``data_encoding``, ``base64`` for a file that is no text, is an addition."""

    data_path: str
    data_string: str
    data_encoding: str


class ArtifactTree(BaseModel):
    run_id: str
    commit_uuid: str
    commit_name: str
    experiment_uuid: str
    experiment_name: str
    job_uuid: str
    job_name: str
    project_uuid: str
    project_name: str
    user_id: int
    user_name: str
    artifact_next_page_token: str
    artifact_files: list[ArtifactFile]


class Model(BaseModel):
    """``checker_status``, ``created_at`` and ``updated_at`` are additions."""

    model_uuid: str
    model_name: str
    description: str
    location: str
    permissions: list[str]
    checker_status: str
    commit_uuid: str
    commit_name: str
    experiment_uuid: str
    experiment_name: str
    project_uuid: str
    project_name: str
    user_id: int
    user_name: str
    created_at: int
    updated_at: int


class Models(Listed):
    items: list[Model]


class ModelContent(Model):
    """``content``, the model's files, is an addition."""

    content: list[ArtifactFile]


class Query(Run):
    """The members of a run are left out unless they are asked for, and so are ``query_result_data``, CSV, and
    ``query_result_message`` (contract dq0 4.2). ``query_uuid`` and ``query_accuracy_data``, the CSV with half the
    widths of the intervals of 95 %, are additions."""

    query_uuid: str
    query_statement: str
    query_datasets: dict[str, str]
    query_result_data: str
    query_result_message: str
    query_accuracy_data: str


class Queries(Listed):
    items: list[Query]


class QueryStarted(Message):
    """The SDK reads ``job_uuid``, older ones ``query_uuid`` (contract dq0 1.9)."""

    job_uuid: str
    query_uuid: str


class QueryColumn(BaseModel):
    """How a column of the result is made noisy; ``scale`` is null where its noise is no one number."""

    name: str
    mechanism: str
    epsilon: float
    scale: float | None


class QueryCost(BaseModel):
    """What a query would cost: an addition to the reference."""

    message: str
    epsilon: float
    delta: float
    tau: float | None
    columns: list[QueryColumn]
    notes: list[str]
