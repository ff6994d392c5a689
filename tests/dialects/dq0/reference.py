"""The reference's 166 schemas (document of DQ0's REST API 1.0), each as its fields with their types."""

from __future__ import annotations

SHAPES = {
    "ActionItem": "action_id:integer action_name:string action_next_page_token:string",
    "ActionListResponseBody": "items:[ActionItem] page:integer page_size:integer total:integer",
    "ActionPermissionSetRequestBody": (
        "action:string action_id:integer permission:integer role_id:integer role_name:string"
    ),
    "Empty": "",
    "ArtifactDownloadResponseBody": "data_path:string data_string:string",
    "ArtifactFile": "children:[ArtifactFile] file_size:string header:string is_dir:boolean label:string path:string",
    "ArtifactTreeStructureResponseBody": (
        "artifact_files:[ArtifactFile] artifact_next_page_token:string commit_name:string commit_uuid:string "
        "experiment_name:string experiment_uuid:string job_name:string job_uuid:string project_name:string "
        "project_uuid:string run_id:string user_id:integer user_name:string"
    ),
    "AuditListItem": "action:string actor:string description:string timestamp:string",
    "AuditListResponseBody": "items:[AuditListItem] page:integer page_size:integer total:integer",
    "AuthLoginRequestBody": "email:string password:string",
    "AuthLoginResponseBody": "token:string",
    "CommitRunResponseBody": "message:string",
    "CommitContentRequestBody": "local_only:boolean project_uuid:string",
    "CommitItem": (
        "created_at:integer data_name:string data_uuid:string latest_experiment_name:string "
        "latest_experiment_result:string latest_experiment_uuid:string model_checker_status:string "
        "model_name:string model_uuid:string predict_allowed:boolean predict_proba_allowed:boolean "
        "project_name:string project_uuid:string updated_at:integer"
    ),
    "CommitListResponseBody": "items:[CommitItem] page:integer page_size:integer total:integer",
    "CommitRunRequestBody": "args:object ml_project_entry_point:string project_uuid:string",
    "CommitTransformRequestBody": "project_uuid:string",
    "DataPatchRequestBody": "meta:string",
    "DataItem": (
        "commit_name:string commit_uuid:string created_at:integer data_description:string data_mean:string "
        "data_name:string data_permissions:[string] data_sample:string data_size:integer data_stats:string "
        "data_std:string data_type:string data_usage:number data_uuid:string privacy_budget:integer "
        "project_name:string project_uuid:string updated_at:integer user_id:integer user_name:string"
    ),
    "DataListResponseBody": "items:[DataItem] page:integer page_size:integer total:integer",
    "DataPermissionSetRequestBody": (
        "data_id:integer data_name:string data_uuid:string permission:integer role_id:integer role_name:string"
    ),
    "DataSampleResponseBody": "name:string sample:string type:string uuid:string",
    "DeviceVersionResponseBody": "api_version:string architecture:string built:string cli_version:string os:string",
    "Error": "error:string",
    "ExperimentCreateRequestBody": "experiment_name:string",
    "ExperimentListResponseBody": "items:[ExperimentListItem] page:integer page_size:integer total:integer",
    "GroupAddRoleRequestBody": "group_id:integer group_name:string role_id:integer role_name:string",
    "GroupPatchRequestBody": "group_name:string",
    "GroupListItem": "created_at:integer group_id:integer group_name:string updated_at:integer",
    "GroupListResponseBody": "items:[GroupListItem] page:integer page_size:integer total:integer",
    "JobCancelRequestBody": "force:boolean job_uuid:string",
    "JobItem": (
        "commit_name:string commit_uuid:string created_at:integer job_errors:string job_logs:string "
        "job_name:string job_params:string job_progress:number job_results:string job_state:string job_type:string "
        "job_uuid:string project_name:string project_uuid:string updated_at:integer user_id:integer "
        "user_name:string"
    ),
    "JobListResponseBody": "items:[JobItem] page:integer page_size:integer total:integer",
    "ModelItem": (
        "commit_name:string commit_uuid:string description:string experiment_name:string experiment_uuid:string "
        "location:string model_name:string model_uuid:string permissions:[string] project_name:string "
        "project_uuid:string user_id:integer user_name:string"
    ),
    "ModelListResponseBody": "items:[ModelItem] page:integer page_size:integer total:integer",
    "ModelPatchRequestBody": "model_description:string model_name:string permissions:[string]",
    "ModelPredictRequestBody": "input_data:string input_type:string",
    "ModelRegisterRequestBody": "model_path:string run_uuid:string",
    "ModelUnregisterRequestBody": "model_uuid:string",
    "PrivacyBudgetListItem": (
        "created_at:integer current:number data_id:integer data_name:string initial:number updated_at:integer"
    ),
    "PrivacyBudgetListResponseBody": "items:[PrivacyBudgetListItem] page:integer page_size:integer total:integer",
    "PrivacyBudgetPermissionSetRequestBody": "current:number data_id:integer data_name:string",
    "PrivacyMaskListItem": (
        "created_at:integer data_id:integer data_name:string hidden:string private:string public:string "
        "updated_at:integer"
    ),
    "PrivacyMaskListResponseBody": "items:[PrivacyMaskListItem] page:integer page_size:integer total:integer",
    "PrivacyMaskPermissionSetRequestBody": (
        "data_id:integer data_name:string mask_data:object user_email:string user_id:integer"
    ),
    "PrivacyThresholdListItem": (
        "created_at:integer data_id:integer data_name:string field:string threshold:integer updated_at:integer"
    ),
    "PrivacyThresholdListResponseBody": (
        "items:[PrivacyThresholdListItem] page:integer page_size:integer total:integer"
    ),
    "PrivacyThresholdPermissionSetRequestBody": (
        "data_id:integer data_name:string field:string threshold:integer user_email:string user_id:integer"
    ),
    "ProjectAttachRequestBody": "data_name:string data_uuid:string",
    "ProjectCreateRequestBody": "name:string working_dir:string",
    "ProjectListResponseBody": "items:[ProjectItem] page:integer page_size:integer total:integer",
    "ProjectSetPermissionRequestBody": (
        "permission:integer project_id:integer project_name:string project_uuid:string role_id:integer role_name:string"
    ),
    "ProxyCreateRequestBody": "hostname:string port:integer request_uri:string scheme:string",
    "ProxyResultItem": (
        "active:boolean email_address:string hostname:string port:integer public_key:string request_uri:string "
        "scheme:string session_key:string"
    ),
    "ProxyListResponseBody": "items:[ProxyResultItem] page:integer page_size:integer total:integer",
    "QueryCancelRequestBody": "force:boolean query_uuid:string",
    "QueryCreateRequestBody": (
        "datasets:string epsilon:number params:[string] permissions:[string] private_column:string query:string "
        "tau:number"
    ),
    "QueryItem": (
        "commit_name:string commit_uuid:string created_at:integer experiment_name:string experiment_uuid:string "
        "job_errors:string job_logs:string job_name:string job_params:string job_progress:number "
        "job_results:string job_state:string job_type:string job_uuid:string project_name:string "
        "project_uuid:string query_datasets:object query_result_data:string query_result_message:string "
        "query_statement:string run_end_time:integer run_metrics:[RunMetricItem] run_params:[RunParamItem] "
        "run_stage:string run_start_time:integer run_status:string run_tags:[RunTagItem] run_uuid:string "
        "updated_at:integer user_id:integer user_name:string"
    ),
    "QueryListResponseBody": "items:[QueryItem] page:integer page_size:integer total:integer",
    "RolePatchRequestBody": "role_name:string",
    "RoleListItem": "created_at:integer role_id:integer role_name:string updated_at:integer",
    "RoleListResponseBody": "items:[RoleListItem] page:integer page_size:integer total:integer",
    "RoleSetPermissionRequestBody": "permission:integer role_id:integer role_name:string",
    "RunCreateRequestBody": "args:object commit_uuid:string ml_project_entry_point:string project_uuid:string",
    "RunItem": (
        "commit_name:string commit_uuid:string created_at:integer experiment_name:string experiment_uuid:string "
        "job_errors:string job_logs:string job_name:string job_params:string job_progress:number "
        "job_results:string job_state:string job_type:string job_uuid:string project_name:string "
        "project_uuid:string run_end_time:integer run_metrics:[RunMetricItem] run_params:[RunParamItem] "
        "run_stage:string run_start_time:integer run_status:string run_tags:[RunTagItem] run_uuid:string "
        "updated_at:integer user_id:integer user_name:string"
    ),
    "RunListResponseBody": "items:[RunItem] page:integer page_size:integer total:integer",
    "RunMetricItem": "key:string step:string timestamp:string value:number",
    "RunParamItem": "key:string value:string",
    "UserAddGroupRequestBody": "group_id:integer group_name:string user_email:string user_id:integer",
    "UserAddRoleRequestBody": "role_id:integer role_name:string user_email:string user_id:integer user_name:string",
    "UserGetResponseBody": (
        "avatar:string company:string location:string name:string public_email:string user_id:integer website:string"
    ),
    "UserListItem": (
        "created_at:integer email:string id:integer password:string role:integer role_name:string state:string "
        "updated_at:integer"
    ),
    "UserListResponseBody": "items:[UserListItem] page:integer page_size:integer total:integer",
    "UserProfileUpdateRequestBody": (
        "avatar:string company:string location:string name:string public_email:string website:string"
    ),
    "UserUpdateRequestBody": "roles:[integer] state:string",
}
"""By the name of one schema that has it."""

SCHEMAS = {
    "ActionItem": "ActionItem",
    "ActionListResponseBody": "ActionListResponseBody",
    "ActionPermissionSetRequestBody": "ActionPermissionSetRequestBody",
    "Empty": (
        "ActionPermissionSetResponseBody DataPermissionSetResponseBody GroupAddRoleResponseBody "
        "GroupRemoveRoleResponseBody ModelContentRequestBody PrivacyBudgetPermissionSetResponseBody "
        "PrivacyMaskPermissionSetResponseBody PrivacyThresholdPermissionSetResponseBody "
        "ProjectSetPermissionResponseBody RoleAddGroupResponseBody RoleRemoveGroupResponseBody "
        "RoleSetPermissionResponseBody UserAddGroupResponseBody UserAddRoleResponseBody "
        "UserRemoveGroupResponseBody UserRemoveRoleResponseBody"
    ),
    "ArtifactDownloadResponseBody": "ArtifactDownloadResponseBody",
    "ArtifactFile": "ArtifactFile",
    "ArtifactTreeStructureResponseBody": "ArtifactTreeStructureResponseBody",
    "AuditListItem": "AuditListItem",
    "AuditListResponseBody": "AuditListResponseBody",
    "AuthLoginRequestBody": (
        "AuthLoginRequestBody AuthRegisterRequestBody UserLoginRequestBody UserRegisterRequestBody"
    ),
    "AuthLoginResponseBody": (
        "AuthLoginResponseBody AuthSessionResponseBody UserLoginResponseBody UserSessionResponseBody"
    ),
    "CommitRunResponseBody": (
        "AuthLogoutResponseBody AuthRegisterResponseBody CommitRunResponseBody CommitTransformResponseBody "
        "GroupCreateResponseBody GroupDeleteResponseBody JobCancelResponseBody ModelPredictResponseBody "
        "ModelUnregisterResponseBody ProjectAttachResponseBody ProjectCreateResponseBody ProjectDeployResponseBody "
        "ProjectDetachResponseBody ProjectSetExperimentNameResponseBody ProjectUnlinkResponseBody "
        "ProxyActivateResponseBody ProxyCreateResponseBody ProxyDeleteResponseBody QueryCancelResponseBody "
        "QueryCreateResponseBody RoleCreateResponseBody RoleDeleteResponseBody RunCreateResponseBody "
        "RunDeleteResponseBody RunRestoreResponseBody UserDeleteResponseBody UserLogoutResponseBody "
        "UserProfileUpdateResponseBody UserRegisterResponseBody"
    ),
    "CommitContentRequestBody": "CommitContentRequestBody",
    "CommitItem": (
        "CommitContentResponseBody CommitInfoResponseBody CommitItem ExperimentCreateResponseBody "
        "ExperimentDeleteResponseBody ExperimentInfoResponseBody ExperimentListItem ExperimentRestoreResponseBody "
        "ExperimentUpdateResponseBody ProjectInfoResponseBody ProjectItem"
    ),
    "CommitListResponseBody": "CommitListResponseBody",
    "CommitRunRequestBody": "CommitRunRequestBody",
    "CommitTransformRequestBody": "CommitTransformRequestBody",
    "DataPatchRequestBody": "DataCreateRequestBody DataPatchRequestBody",
    "DataItem": "DataCreateResponseBody DataDeleteResponseBody DataGetResponseBody DataItem DataPatchResponseBody",
    "DataListResponseBody": "DataListResponseBody",
    "DataPermissionSetRequestBody": "DataPermissionSetRequestBody",
    "DataSampleResponseBody": "DataSampleResponseBody",
    "DeviceVersionResponseBody": "DeviceVersionResponseBody",
    "Error": "Error",
    "ExperimentCreateRequestBody": (
        "ExperimentCreateRequestBody ExperimentUpdateRequestBody ProjectSetExperimentNameRequestBody"
    ),
    "ExperimentListResponseBody": "ExperimentListResponseBody",
    "GroupAddRoleRequestBody": (
        "GroupAddRoleRequestBody GroupRemoveRoleRequestBody RoleAddGroupRequestBody RoleRemoveGroupRequestBody"
    ),
    "GroupPatchRequestBody": "GroupCreateRequestBody GroupPatchRequestBody",
    "GroupListItem": "GroupGetResponseBody GroupListItem GroupPatchResponseBody",
    "GroupListResponseBody": "GroupListResponseBody",
    "JobCancelRequestBody": "JobCancelRequestBody",
    "JobItem": "JobInfoResponseBody JobItem",
    "JobListResponseBody": "JobListResponseBody",
    "ModelItem": (
        "ModelContentResponseBody ModelInfoResponseBody ModelItem ModelPatchResponseBody ModelRegisterResponseBody"
    ),
    "ModelListResponseBody": "ModelListResponseBody",
    "ModelPatchRequestBody": "ModelPatchRequestBody",
    "ModelPredictRequestBody": "ModelPredictRequestBody",
    "ModelRegisterRequestBody": "ModelRegisterRequestBody",
    "ModelUnregisterRequestBody": "ModelUnregisterRequestBody",
    "PrivacyBudgetListItem": "PrivacyBudgetListItem",
    "PrivacyBudgetListResponseBody": "PrivacyBudgetListResponseBody",
    "PrivacyBudgetPermissionSetRequestBody": "PrivacyBudgetPermissionSetRequestBody",
    "PrivacyMaskListItem": "PrivacyMaskListItem",
    "PrivacyMaskListResponseBody": "PrivacyMaskListResponseBody",
    "PrivacyMaskPermissionSetRequestBody": "PrivacyMaskPermissionSetRequestBody",
    "PrivacyThresholdListItem": "PrivacyThresholdListItem",
    "PrivacyThresholdListResponseBody": "PrivacyThresholdListResponseBody",
    "PrivacyThresholdPermissionSetRequestBody": "PrivacyThresholdPermissionSetRequestBody",
    "ProjectAttachRequestBody": "ProjectAttachRequestBody ProjectDetachRequestBody",
    "ProjectCreateRequestBody": "ProjectCreateRequestBody",
    "ProjectListResponseBody": "ProjectListResponseBody",
    "ProjectSetPermissionRequestBody": "ProjectSetPermissionRequestBody",
    "ProxyCreateRequestBody": "ProxyCreateRequestBody",
    "ProxyResultItem": "ProxyCurrentResponseBody ProxyGetResponseBody ProxyResultItem",
    "ProxyListResponseBody": "ProxyListResponseBody",
    "QueryCancelRequestBody": "QueryCancelRequestBody",
    "QueryCreateRequestBody": "QueryCreateRequestBody",
    "QueryItem": "QueryInfoResponseBody QueryItem",
    "QueryListResponseBody": "QueryListResponseBody",
    "RolePatchRequestBody": "RoleCreateRequestBody RolePatchRequestBody",
    "RoleListItem": "RoleGetResponseBody RoleListItem RolePatchResponseBody",
    "RoleListResponseBody": "RoleListResponseBody",
    "RoleSetPermissionRequestBody": "RoleSetPermissionRequestBody",
    "RunCreateRequestBody": "RunCreateRequestBody",
    "RunItem": "RunGetMetricHistoryResponseBody RunInfoResponseBody RunItem",
    "RunListResponseBody": "RunListResponseBody",
    "RunMetricItem": "RunMetricItem",
    "RunParamItem": "RunParamItem RunTagItem",
    "UserAddGroupRequestBody": "UserAddGroupRequestBody UserRemoveGroupRequestBody",
    "UserAddRoleRequestBody": "UserAddRoleRequestBody UserRemoveRoleRequestBody",
    "UserGetResponseBody": "UserGetResponseBody UserProfileCurrentResponseBody",
    "UserListItem": "UserListItem UserUpdateResponseBody",
    "UserListResponseBody": "UserListResponseBody",
    "UserProfileUpdateRequestBody": "UserProfileUpdateRequestBody",
    "UserUpdateRequestBody": "UserUpdateRequestBody",
}
"""The schemas that have a shape."""
