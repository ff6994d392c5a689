"""The operations of the reference that are the platform's, one call of each (contract dq0 4.2, 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LOCAL = frozenset(
    {
        *("ProxiesCurrent", "ProxyActivate", "ProxyCreate", "ProxyDelete", "ProxyGet", "ProxyList"),
        *("AuthSession", "UserSession", "DeviceVersion", "ProjectUnlink"),
    }
)
"""What gateways answer by themselves."""
DATA = {"data_name": "{data_name}", "data_id": 0, "data_uuid": ""}
ROLE = {"role_id": "{role_id}", "role_name": ""}
GROUP = {"group_id": 0, "group_name": "{group_name}"}
USER = {"user_email": "{person_email}"}


@dataclass(frozen=True)
class Operation:
    """``schema`` is the reference's name of the answer; ``fresh`` what is made anew for each call. In ``path``,
    ``query`` and ``body``, ``{name}`` stands for a value of the town, which keeps its type where it stands alone.
    Members of the answer's items whose names begin as ``leaves_out`` says are not there."""

    name: str
    who: str
    method: str
    path: str
    schema: str
    body: Any = None
    query: Any = None
    fresh: str = ""
    leaves_out: tuple[str, ...] = ()


ADMIN, OWNER, SCIENTIST, NOBODY = "admin", "owner", "scientist", "nobody"
OPERATIONS = (
    Operation("ActionList", ADMIN, "GET", "/actions", "ActionListResponseBody"),
    Operation(
        "ActionPermissionSet",
        ADMIN,
        "POST",
        "/actions/1/permissions",
        "ActionPermissionSetResponseBody",
        {"action": "ActionList", "action_id": 1, "permission": 0, **ROLE},
    ),
    Operation(
        "ArtifactDownload",
        SCIENTIST,
        "GET",
        "/artifacts/download",
        "ArtifactDownloadResponseBody",
        query={"run_uuid": "{run_uuid}", "artifact_path": "note.txt"},
    ),
    Operation(
        "ArtifactTreeStructure",
        SCIENTIST,
        "GET",
        "/artifacts/tree_structure",
        "ArtifactTreeStructureResponseBody",
        query={"run_uuid": "{run_uuid}", "path": "", "level": "2"},
    ),
    Operation("AuditList", ADMIN, "GET", "/audits", "AuditListResponseBody"),
    *(
        Operation(
            f"{prefix}{verb}",
            NOBODY,
            "POST",
            f"/{noun}/{verb.lower()}",
            f"{prefix}{verb}ResponseBody",
            body,
            fresh=fresh,
        )
        for noun, prefix in (("auth", "Auth"), ("users", "User"))
        for verb, body, fresh in (
            ("Login", {"email": "{person_email}", "password": "{password}"}, ""),
            ("Register", {"email": "{email}", "password": "{password}"}, "newcomer"),
        )
    ),
    Operation("AuthLogout", "session", "POST", "/auth/logout", "AuthLogoutResponseBody", fresh="session"),
    Operation("UserLogout", "session", "POST", "/users/logout", "UserLogoutResponseBody", fresh="session"),
    Operation(
        "CommitContent",
        SCIENTIST,
        "POST",
        "/commits/{commit_uuid}/content",
        "CommitContentResponseBody",
        {"project_uuid": "{project_uuid}", "local_only": False},
    ),
    Operation("CommitInfo", SCIENTIST, "GET", "/commits/{commit_uuid}", "CommitInfoResponseBody"),
    Operation("CommitList", SCIENTIST, "GET", "/commits", "CommitListResponseBody"),
    Operation(
        "CommitRun",
        SCIENTIST,
        "POST",
        "/commits/{job_commit}/run",
        "CommitRunResponseBody",
        {"ml_project_entry_point": "main", "args": {"epochs": "5"}},
    ),
    Operation(
        "CommitTransform", SCIENTIST, "POST", "/commits/{job_commit}/transform", "CommitTransformResponseBody", {}
    ),
    Operation("DataCreate", OWNER, "POST", "/data", "DataCreateResponseBody", {"meta": "{meta}"}, fresh="meta"),
    Operation("DataDelete", OWNER, "DELETE", "/data/{data_uuid}", "DataDeleteResponseBody", fresh="data"),
    Operation("DataGet", SCIENTIST, "GET", "/data/{data_uuid}", "DataGetResponseBody"),
    Operation("DataGetSample", OWNER, "GET", "/data/{data_uuid}/sample", "DataSampleResponseBody"),
    Operation("DataList", SCIENTIST, "GET", "/data", "DataListResponseBody"),
    Operation(
        "DataPatch", OWNER, "PATCH", "/data/{data_uuid}", "DataPatchResponseBody", {"meta": "{meta}"}, fresh="data meta"
    ),
    Operation(
        "DataPermissionSet",
        OWNER,
        "POST",
        "/data/{data_uuid}/permissions",
        "DataPermissionSetResponseBody",
        {"permission": 2, **ROLE},
    ),
    Operation(
        "ExperimentCreate",
        SCIENTIST,
        "POST",
        "/experiments",
        "ExperimentCreateResponseBody",
        {"experiment_name": "{word}"},
        {"project_uuid": "{project_uuid}"},
        fresh="word",
    ),
    Operation(
        "ExperimentDelete",
        SCIENTIST,
        "DELETE",
        "/experiments/{experiment_uuid}",
        "ExperimentDeleteResponseBody",
        fresh="experiment",
    ),
    Operation("ExperimentInfo", SCIENTIST, "GET", "/experiments/{experiment_uuid}", "ExperimentInfoResponseBody"),
    Operation("ExperimentList", SCIENTIST, "GET", "/experiments", "ExperimentListResponseBody"),
    Operation(
        "ExperimentRestore",
        SCIENTIST,
        "POST",
        "/experiments/{experiment_uuid}/restore",
        "ExperimentRestoreResponseBody",
    ),
    Operation(
        "ExperimentUpdate",
        SCIENTIST,
        "PATCH",
        "/experiments/{experiment_uuid}",
        "ExperimentUpdateResponseBody",
        {"experiment_name": "{word}"},
        fresh="word",
    ),
    Operation(
        "GroupAddRole", ADMIN, "POST", "/groups/{group_id}/add-role", "GroupAddRoleResponseBody", {**GROUP, **ROLE}
    ),
    Operation(
        "GroupCreate", ADMIN, "POST", "/groups", "GroupCreateResponseBody", {"group_name": "{word}"}, fresh="word"
    ),
    Operation("GroupDelete", ADMIN, "DELETE", "/groups/{group_id}", "GroupDeleteResponseBody", fresh="group"),
    Operation("GroupGet", ADMIN, "GET", "/groups/{group_id}", "GroupGetResponseBody", query={"group_id": "0"}),
    Operation("GroupList", ADMIN, "GET", "/groups", "GroupListResponseBody"),
    Operation(
        "GroupPatch",
        ADMIN,
        "PATCH",
        "/groups/{group_id}",
        "GroupPatchResponseBody",
        {"group_name": "{word}"},
        fresh="group word",
    ),
    Operation(
        "GroupRemoveRole",
        ADMIN,
        "POST",
        "/groups/{group_id}/remove-role",
        "GroupRemoveRoleResponseBody",
        {**GROUP, **ROLE},
    ),
    Operation(
        "JobCancel",
        SCIENTIST,
        "POST",
        "/jobs/{job_uuid}/cancel",
        "JobCancelResponseBody",
        {"force": False, "job_uuid": "{job_uuid}"},
    ),
    Operation("JobInfo", SCIENTIST, "GET", "/jobs/{job_uuid}", "JobInfoResponseBody"),
    Operation("JobList", SCIENTIST, "GET", "/jobs", "JobListResponseBody"),
    Operation("ModelContent", SCIENTIST, "POST", "/models/{model_uuid}/content", "ModelContentResponseBody", {}),
    Operation("ModelInfo", SCIENTIST, "GET", "/models/{model_uuid}", "ModelInfoResponseBody"),
    Operation("ModelList", SCIENTIST, "GET", "/models", "ModelListResponseBody"),
    Operation(
        "ModelPatch",
        SCIENTIST,
        "PATCH",
        "/models/{model_uuid}",
        "ModelPatchResponseBody",
        {"model_name": "shop", "model_description": "of the shop", "permissions": ["predict_allowed"]},
    ),
    Operation(
        "ModelPredict",
        SCIENTIST,
        "POST",
        "/models/{model_uuid}/predict",
        "ModelPredictResponseBody",
        {"model_uuid": "{model_uuid}", "input_data": '[["a", 2, null]]', "input_type": "json"},
    ),
    Operation(
        "ModelRegister",
        SCIENTIST,
        "POST",
        "/models/register",
        "ModelRegisterResponseBody",
        {"run_uuid": "{run_uuid}", "job_uuid": "{run_uuid}", "model_path": "pyfunc_model"},
    ),
    Operation(
        "ModelUnregister",
        SCIENTIST,
        "POST",
        "/models/unregister",
        "ModelUnregisterResponseBody",
        {"model_uuid": "{model_uuid}"},
        fresh="model",
    ),
    Operation("PrivacyBudgetList", SCIENTIST, "GET", "/privacy/budgets", "PrivacyBudgetListResponseBody"),
    Operation(
        "PrivacyBudgetSetPermission",
        OWNER,
        "POST",
        "/privacy/budgets",
        "PrivacyBudgetPermissionSetResponseBody",
        {"current": 50.5, **DATA},
    ),
    Operation("PrivacyMaskList", OWNER, "GET", "/privacy/masks", "PrivacyMaskListResponseBody"),
    Operation(
        "PrivacyMaskSetPermission",
        OWNER,
        "POST",
        "/privacy/masks",
        "PrivacyMaskPermissionSetResponseBody",
        {"mask_data": {"hidden": ["age"], "public": ""}, **DATA, **USER},
    ),
    Operation("PrivacyThresholdList", OWNER, "GET", "/privacy/thresholds", "PrivacyThresholdListResponseBody"),
    Operation(
        "PrivacyThresholdSetPermission",
        OWNER,
        "POST",
        "/privacy/thresholds",
        "PrivacyThresholdPermissionSetResponseBody",
        {"field": "age", "threshold": 5, **DATA, **USER},
    ),
    Operation("ProjectAttach", SCIENTIST, "POST", "/projects/{project_uuid}/attach", "ProjectAttachResponseBody", DATA),
    Operation(
        "ProjectCreate",
        SCIENTIST,
        "POST",
        "/projects",
        "ProjectCreateResponseBody",
        {"name": "{word}", "working_dir": "/somewhere", "type": "ml"},
        fresh="word",
    ),
    Operation(
        "ProjectDeploy", SCIENTIST, "POST", "/projects/{project_uuid}/deploy", "ProjectDeployResponseBody", "zip"
    ),
    Operation(
        "ProjectDetach",
        SCIENTIST,
        "POST",
        "/projects/{project_uuid}/detach",
        "ProjectDetachResponseBody",
        DATA,
        fresh="project",
    ),
    Operation("ProjectInfo", SCIENTIST, "GET", "/projects/{project_uuid}", "ProjectInfoResponseBody"),
    Operation("ProjectList", SCIENTIST, "GET", "/projects", "ProjectListResponseBody"),
    Operation(
        "ProjectSetExperimentName",
        SCIENTIST,
        "POST",
        "/projects/{project_uuid}/set-experiment-name",
        "ProjectSetExperimentNameResponseBody",
        {"experiment_name": "second"},
    ),
    Operation(
        "ProjectSetPermission",
        SCIENTIST,
        "POST",
        "/projects/{project_uuid}/permissions",
        "ProjectSetPermissionResponseBody",
        {"permission": 2, "project_id": 0, **ROLE},
    ),
    Operation(
        "QueryCancel",
        SCIENTIST,
        "POST",
        "/queries/{query_uuid}/cancel",
        "QueryCancelResponseBody",
        {"force": False, "query_uuid": "{query_uuid}"},
    ),
    Operation(
        "QueryCreate",
        SCIENTIST,
        "POST",
        "/queries",
        "QueryCreateResponseBody",
        {
            "query": "SELECT COUNT(*) AS n FROM LR.people",
            "datasets": "{data_name}",
            "epsilon": 0.001,
            "tau": 0.0,
            "private_column": "",
            "permissions": None,
            "params": None,
            "project_uuid": "{project_uuid}",
        },
    ),
    Operation(
        "QueryInfo",
        SCIENTIST,
        "GET",
        "/queries/{query_uuid}",
        "QueryInfoResponseBody",
        query={"include_run": "true", "include_result": "true"},
    ),
    Operation(
        "QueryList",
        SCIENTIST,
        "GET",
        "/queries",
        "QueryListResponseBody",
        leaves_out=("run_", "experiment_", "query_result_"),
    ),
    Operation(
        "RoleAddGroup", ADMIN, "POST", "/roles/{role_id}/add-group", "RoleAddGroupResponseBody", {**ROLE, **GROUP}
    ),
    Operation("RoleCreate", ADMIN, "POST", "/roles", "RoleCreateResponseBody", {"role_name": "{word}"}, fresh="word"),
    Operation("RoleDelete", ADMIN, "DELETE", "/roles/{role_id}", "RoleDeleteResponseBody", fresh="role"),
    Operation("RoleGet", ADMIN, "GET", "/roles/{role_id}", "RoleGetResponseBody"),
    Operation("RoleList", ADMIN, "GET", "/roles", "RoleListResponseBody"),
    Operation(
        "RolePatch",
        ADMIN,
        "PATCH",
        "/roles/{role_id}",
        "RolePatchResponseBody",
        {"role_name": "{word}"},
        fresh="role word",
    ),
    Operation(
        "RoleRemoveGroup",
        ADMIN,
        "POST",
        "/roles/{role_id}/remove-group",
        "RoleRemoveGroupResponseBody",
        {**ROLE, **GROUP},
    ),
    Operation(
        "RoleSetPermission",
        ADMIN,
        "POST",
        "/roles/{role_id}/permissions",
        "RoleSetPermissionResponseBody",
        {"permission": 0},
    ),
    Operation(
        "RunCreate",
        SCIENTIST,
        "POST",
        "/runs",
        "RunCreateResponseBody",
        {
            "project_uuid": "{project_uuid}",
            "commit_uuid": "{commit_uuid}",
            "ml_project_entry_point": "main",
            "args": "",
        },
    ),
    Operation("RunDelete", SCIENTIST, "DELETE", "/runs/{run_uuid}", "RunDeleteResponseBody", fresh="run"),
    Operation(
        "RunGetMetricHistory",
        SCIENTIST,
        "GET",
        "/runs/{run_uuid}/metric_history",
        "RunGetMetricHistoryResponseBody",
        query={"metric_key": "loss"},
    ),
    Operation("RunInfo", SCIENTIST, "GET", "/runs/{run_uuid}", "RunInfoResponseBody"),
    Operation("RunList", SCIENTIST, "GET", "/runs", "RunListResponseBody"),
    Operation("RunRestore", SCIENTIST, "POST", "/runs/{run_uuid}/restore", "RunRestoreResponseBody", {}),
    Operation(
        "UserAddGroup", ADMIN, "POST", "/users/{person_id}/add-group", "UserAddGroupResponseBody", {**USER, **GROUP}
    ),
    Operation("UserAddRole", ADMIN, "POST", "/users/{person_id}/add-role", "UserAddRoleResponseBody", {**USER, **ROLE}),
    Operation("UserDelete", ADMIN, "DELETE", "/user/{person_id}", "UserDeleteResponseBody", fresh="person"),
    Operation("UserGet", SCIENTIST, "GET", "/users/{user_id}", "UserGetResponseBody"),
    Operation("UserList", ADMIN, "GET", "/users", "UserListResponseBody"),
    Operation("UserProfileCurrent", SCIENTIST, "GET", "/users/profile", "UserProfileCurrentResponseBody"),
    Operation("UserProfileGet", SCIENTIST, "GET", "/users/profile/{user_id}", "UserGetResponseBody"),
    Operation(
        "UserProfileUpdate",
        SCIENTIST,
        "PATCH",
        "/users/profile",
        "UserProfileUpdateResponseBody",
        {"location": "Berlin"},
    ),
    Operation(
        "UserRemoveGroup",
        ADMIN,
        "POST",
        "/users/{person_id}/remove-group",
        "UserRemoveGroupResponseBody",
        {**USER, **GROUP},
        fresh="person",
    ),
    Operation(
        "UserRemoveRole",
        ADMIN,
        "POST",
        "/users/{person_id}/remove-role",
        "UserRemoveRoleResponseBody",
        {**USER, **ROLE},
        fresh="person",
    ),
    Operation("UserUpdate", ADMIN, "PATCH", "/users/{user_id}", "UserUpdateResponseBody", {"state": "active"}),
)
