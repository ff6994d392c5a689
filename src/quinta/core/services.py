"""Everything a face is handed."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.access.authentication import Authenticator
from quinta.core.files.blobs import Blobs
from quinta.core.models.models import Models
from quinta.core.models.packages import Packages
from quinta.core.models.versions import Versions
from quinta.core.observation.logs import Logs
from quinta.core.requests.batch import BatchRequests
from quinta.core.requests.direct import DirectRequests
from quinta.core.requests.reading import Reader
from quinta.core.tenancy.accounts import Accounts
from quinta.core.tenancy.organizations import Organizations
from quinta.core.tenancy.projects import Projects


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of the core, wired by server.py."""

    authenticator: Authenticator
    accounts: Accounts
    organizations: Organizations
    projects: Projects
    models: Models
    versions: Versions
    packages: Packages
    direct: DirectRequests
    batch: BatchRequests
    blobs: Blobs
    logs: Logs
    reader: Reader
