"""The 125 operations of contract ubiops 2, as data: name, method, path, status when it succeeds, kind of answer.

An answer is a kind of contract ubiops 3.1, a list of such in brackets, ``bytes``, ``any`` (nobody looks at it) or ``-``
(none).
"""

from __future__ import annotations

from dataclasses import dataclass

_ABBREVIATIONS = {
    "{P}": "/projects/{project_name}",
    "{PM}": "/projects/{project_name}/models/{model_name}",
    "{PV}": "/projects/{project_name}/models/{model_name}/versions/{version}",
    "{PP}": "/projects/{project_name}/pipelines/{pipeline_name}",
    "{PO}": "/projects/{project_name}/pipelines/{pipeline_name}/objects/{name}",
    "{O}": "/organizations/{organization_name}",
}
_TABLE = """
# Status, user
service_status GET /status 200 Status
user_create POST /user 201 UserPendingDetail
user_get GET /user 200 UserDetail
user_update PATCH /user 200 UserDetail
user_delete DELETE /user 204 -
# Organizations
organization_subscriptions_list GET {O}/subscriptions 200 [OrganizationSubscriptionList]
organization_usage_details_get GET {O}/usage/details 200 [UsagePerDay]
organization_usage_get GET {O}/usage 200 [UsagePerMonth]
organization_users_create POST {O}/users 201 OrganizationUserDetail
organization_users_delete DELETE {O}/users/{user_id} 204 -
organization_users_get GET {O}/users/{user_id} 200 OrganizationUserDetail
organization_users_list GET {O}/users 200 [OrganizationUserDetail]
organization_users_update PATCH {O}/users/{user_id} 200 OrganizationUserDetail
organizations_create POST /organizations 201 OrganizationList
organizations_get GET {O} 200 OrganizationDetail
organizations_list GET /organizations 200 [OrganizationList]
organizations_resource_usage GET {O}/resources 200 ResourceUsage
organizations_update PATCH {O} 200 OrganizationDetail
# Subscriptions
subscriptions_create POST /subscriptions 201 SubscriptionDetail
subscriptions_delete DELETE /subscriptions/{subscription_name} 204 -
subscriptions_get GET /subscriptions/{subscription_name} 200 SubscriptionDetail
subscriptions_list GET /subscriptions 200 [SubscriptionList]
subscriptions_update PATCH /subscriptions/{subscription_name} 200 SubscriptionDetail
# Projects, logs, metrics
projects_create POST /projects 201 ProjectList
projects_list GET /projects 200 [ProjectList]
projects_get GET {P} 200 ProjectList
projects_update PATCH {P} 200 ProjectList
projects_delete DELETE {P} 204 -
projects_log_list POST {P}/logs 201 [Logs]
projects_resource_usage GET {P}/resources 200 ProjectResourceUsage
project_usage_get GET {P}/usage 200 [UsagePerMonth]
metrics_get GET {P}/metrics/{metric} 200 [Metrics]
# Project / model / version environment variables
model_environment_variables_create POST {PM}/environment-variables 201 EnvironmentVariableList
model_environment_variables_delete DELETE {PM}/environment-variables/{id} 204 -
model_environment_variables_get GET {PM}/environment-variables/{id} 200 EnvironmentVariableList
model_environment_variables_list GET {PM}/environment-variables 200 [InheritedEnvironmentVariableList]
model_environment_variables_update PATCH {PM}/environment-variables/{id} 200 EnvironmentVariableList
model_version_environment_variables_create POST {PV}/environment-variables 201 EnvironmentVariableList
model_version_environment_variables_delete DELETE {PV}/environment-variables/{id} 204 -
model_version_environment_variables_get GET {PV}/environment-variables/{id} 200 EnvironmentVariableList
model_version_environment_variables_list GET {PV}/environment-variables 200 [InheritedEnvironmentVariableList]
model_version_environment_variables_update PATCH {PV}/environment-variables/{id} 200 EnvironmentVariableList
project_environment_variables_create POST {P}/environment-variables 201 EnvironmentVariableList
project_environment_variables_delete DELETE {P}/environment-variables/{id} 204 -
project_environment_variables_get GET {P}/environment-variables/{id} 200 EnvironmentVariableList
project_environment_variables_list GET {P}/environment-variables 200 [EnvironmentVariableList]
project_environment_variables_update PATCH {P}/environment-variables/{id} 200 EnvironmentVariableList
# Models and versions
model_versions_create POST {PM}/versions 201 ModelVersionList
model_versions_delete DELETE {PV} 204 -
model_versions_file_download GET {PV}/download 200 bytes
model_versions_file_upload PUT {PV}/upload 200 Success
model_versions_get GET {PV} 200 ModelVersionList
model_versions_list GET {PM}/versions 200 [ModelVersionList]
model_versions_update PATCH {PV} 200 ModelVersionList
models_create POST {P}/models 201 ModelList
models_delete DELETE {PM} 204 -
models_get GET {PM} 200 ModelList
models_list GET {P}/models 200 [ModelList]
models_update PATCH {PM} 200 ModelList
# Model requests
model_requests_create POST {PV}/request 200 ModelRequestList
batch_model_requests_batch_collect POST {PV}/request-batch-collect 200 [BatchModelRequestResultList]
batch_model_requests_batch_delete POST {PV}/request-batch-delete 201 any
batch_model_requests_create POST {PV}/request-batch 200 [BatchModelRequestCreateResponse]
batch_model_requests_delete DELETE {PV}/request-batch/{request_id} 204 -
batch_model_requests_get GET {PV}/request-batch/{request_id} 200 BatchModelRequestResultList
batch_model_requests_list GET {PV}/request-batch 200 [BatchModelRequestListResponse]
# Blobs
blobs_create POST {P}/blobs 201 BlobList
blobs_delete DELETE {P}/blobs/{blob_id} 204 -
blobs_get GET {P}/blobs/{blob_id} 200 bytes
blobs_list GET {P}/blobs 200 [BlobList]
# Connectors, credentials
configurations_list GET /config/connectors 200 [ConfigurationList]
connectors_create POST {P}/connectors 201 ConnectorList
connectors_delete DELETE {P}/connectors/{connector_name} 204 -
connectors_get GET {P}/connectors/{connector_name} 200 ConnectorList
connectors_list GET {P}/connectors 200 [ConnectorList]
connectors_update PATCH {P}/connectors/{connector_name} 200 ConnectorList
credentials_create POST {P}/credentials 201 CredentialsList
credentials_delete DELETE {P}/credentials/{credentials_name} 204 -
credentials_get GET {P}/credentials/{credentials_name} 200 CredentialsListWithConfig
credentials_list GET {P}/credentials 200 [CredentialsList]
credentials_update PATCH {P}/credentials/{credentials_name} 200 CredentialsListWithConfig
# Pipelines
pipeline_object_attachments_create POST {PP}/attachments 201 Attachments
pipeline_object_attachments_delete DELETE {PP}/objects/{source_name}/attachments/{destination_name} 204 -
pipeline_object_attachments_get GET {PP}/objects/{source_name}/attachments/{destination_name} 200 AttachmentsList
pipeline_object_attachments_list GET {PP}/attachments 200 [AttachmentsList]
pipeline_object_attachments_source_get GET {PP}/objects/{source_name}/attachments/ 200 [AttachmentsList]
pipeline_object_environment_variables_list GET {PO}/environment-variables 200 [InheritedEnvironmentVariableList]
pipeline_objects_create POST {PP}/objects 201 PipelineObjectList
pipeline_objects_delete DELETE {PO} 204 -
pipeline_objects_get GET {PO} 200 PipelineObjectList
pipeline_objects_list GET {PP}/objects 200 [PipelineObjectList]
pipeline_objects_update PATCH {PO} 200 PipelineObjectList
pipelines_create POST {P}/pipelines 201 PipelineList
pipelines_delete DELETE {PP} 204 -
pipelines_get GET {PP} 200 PipelineList
pipelines_list GET {P}/pipelines 200 [PipelineList]
pipelines_request POST {PP}/request 200 PipelineRequestList
pipelines_update PATCH {PP} 200 PipelineList
batch_pipeline_request_delete DELETE {PP}/request-batch/{pipeline_request_id} 204 -
batch_pipeline_request_get GET {PP}/request-batch/{pipeline_request_id} 200 BatchPipelineRequestResultList
batch_pipeline_requests_batch_collect POST {PP}/request-batch-collect 200 [BatchPipelineRequestResultList]
batch_pipeline_requests_batch_delete POST {PP}/request-batch-delete 201 any
batch_pipeline_requests_create POST {PP}/request-batch 200 [BatchPipelineRequestCreateResponse]
batch_pipeline_requests_list GET {PP}/request-batch 200 [BatchPipelineRequestListResponse]
# Schedules
scheduled_requests_create POST {P}/schedules 201 ScheduleList
scheduled_requests_delete DELETE {P}/schedules/{schedule_name} 204 -
scheduled_requests_get GET {P}/schedules/{schedule_name} 200 ScheduleList
scheduled_requests_list GET {P}/schedules 200 [ScheduleList]
scheduled_requests_update PATCH {P}/schedules/{schedule_name} 200 ScheduleList
# Roles, service users
permissions_list GET /permissions 200 [PermissionList]
role_assignments_create POST {P}/role-assignments 201 RoleAssignmentList
role_assignments_delete DELETE {P}/role-assignments/{id} 204 -
role_assignments_get GET {P}/role-assignments/{id} 200 RoleAssignmentList
role_assignments_per_user_list GET {P}/users/{user_id}/role-assignments 200 [RoleAssignmentList]
roles_create POST {P}/roles 201 RoleDetailList
roles_delete DELETE {P}/roles/{role_name} 204 -
roles_get GET {P}/roles/{role_name} 200 RoleDetailList
roles_list GET {P}/roles 200 [RoleList]
roles_update PATCH {P}/roles/{role_name} 200 RoleDetailList
service_users_create POST {P}/service-users 201 ServiceUserDetail
service_users_delete DELETE {P}/service-users/{service_user_id} 204 -
service_users_get GET {P}/service-users/{service_user_id} 200 ServiceUserList
service_users_list GET {P}/service-users 200 [ServiceUserList]
service_users_token PUT {P}/service-users/{service_user_id}/token 200 ServiceUserTokenList
service_users_update PATCH {P}/service-users/{service_user_id} 200 ServiceUserList
"""


@dataclass(frozen=True)
class Promise:
    """One row: ``path`` is below the face's prefix, with its parameters in braces."""

    name: str
    method: str
    path: str
    status: int
    kind: str

    @property
    def parameters(self) -> list[str]:
        return [segment[1:-1] for segment in self.path.split("/") if segment.startswith("{")]


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def _promise(row: list[str]) -> Promise:
    name, method, path, status, kind = row
    for short, long in _ABBREVIATIONS.items():
        path = path.replace(short, long)
    return Promise(name, method, path, int(status), kind)


PROMISES = {row[0]: _promise(row) for row in _rows(_TABLE)}
