"""Everything a face is handed."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.access.assignments import RoleAssignments
from quinta.core.access.authentication import Authenticator
from quinta.core.access.custom_roles import Roles
from quinta.core.access.devices import Devices
from quinta.core.access.keys import Keys
from quinta.core.access.rate_limits import RateLimits
from quinta.core.access.service_users import ServiceUsers
from quinta.core.access.sign_in import SignIn
from quinta.core.connectors.connectors import Connectors
from quinta.core.connectors.credentials import CredentialsKeeper
from quinta.core.deployments.deployments import Deployments
from quinta.core.files.blobs import Blobs
from quinta.core.files.records import Records
from quinta.core.files.repositories import Repositories
from quinta.core.jobs.jobs import Jobs
from quinta.core.models.models import Models
from quinta.core.models.packages import Packages
from quinta.core.models.variables import Variables
from quinta.core.models.versions import Versions
from quinta.core.observation.audit import AuditTrail
from quinta.core.observation.logs import Logs
from quinta.core.observation.metrics import Metrics
from quinta.core.observation.refusals import Refusals
from quinta.core.observation.release_logs import ReleaseLogs
from quinta.core.observation.release_metrics import ReleaseMetrics
from quinta.core.observation.usage import Usage
from quinta.core.pipelines.attachments import Attachments
from quinta.core.pipelines.batch import BatchPipelineRequests
from quinta.core.pipelines.direct import DirectPipelineRequests
from quinta.core.pipelines.objects import PipelineObjects
from quinta.core.pipelines.pipelines import Pipelines
from quinta.core.quarantine import Quarantine
from quinta.core.requests.batch import BatchRequests
from quinta.core.requests.direct import DirectRequests
from quinta.core.requests.reading import Reader
from quinta.core.schedules.schedules import Schedules
from quinta.core.tenancy.accounts import Accounts
from quinta.core.tenancy.group_places import GroupPlaces
from quinta.core.tenancy.groups import Groups
from quinta.core.tenancy.members import Members
from quinta.core.tenancy.organizations import Organizations
from quinta.core.tenancy.plans import Plans
from quinta.core.tenancy.projects import Projects
from quinta.core.tenancy.release_projects import ReleaseProjects
from quinta.core.tenancy.resources import Resources
from quinta.core.tenancy.workspaces import Workspaces
from quinta.core.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of the core, wired by server.py."""

    authenticator: Authenticator
    keys: Keys
    rate_limits: RateLimits
    sign_in: SignIn
    devices: Devices
    accounts: Accounts
    organizations: Organizations
    members: Members
    groups: Groups
    group_places: GroupPlaces
    plans: Plans
    resources: Resources
    projects: Projects
    release_projects: ReleaseProjects
    workspaces: Workspaces
    roles: Roles
    role_assignments: RoleAssignments
    service_users: ServiceUsers
    models: Models
    versions: Versions
    variables: Variables
    packages: Packages
    direct: DirectRequests
    batch: BatchRequests
    pipelines: Pipelines
    pipeline_objects: PipelineObjects
    attachments: Attachments
    direct_pipelines: DirectPipelineRequests
    batch_pipelines: BatchPipelineRequests
    schedules: Schedules
    blobs: Blobs
    repositories: Repositories
    records: Records
    jobs: Jobs
    deployments: Deployments
    connectors: Connectors
    credentials: CredentialsKeeper
    webhooks: Webhooks
    logs: Logs
    metrics: Metrics
    release_logs: ReleaseLogs
    release_metrics: ReleaseMetrics
    usage: Usage
    reader: Reader
    audit: AuditTrail
    refusals: Refusals
    quarantine: Quarantine
