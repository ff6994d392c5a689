"""Which driver writes to which type of store."""

from __future__ import annotations

from collections.abc import Mapping

from quinta.core.connectors.model import ConnectorType
from quinta.engine.connectors.bigquery import BigQueryDriver
from quinta.engine.connectors.cloud_storage import CloudStorageDriver
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import Driver
from quinta.engine.connectors.kinesis import KinesisDriver
from quinta.engine.connectors.mysql import MysqlDriver
from quinta.engine.connectors.objects import AzureDriver, S3Driver
from quinta.engine.connectors.postgresql import PostgresqlDriver

Drivers = Mapping[ConnectorType, Driver]


def make_drivers(destinations: Destinations) -> Drivers:
    return {
        ConnectorType.AWS_KINESIS: KinesisDriver(destinations),
        ConnectorType.AWS_S3: S3Driver(destinations),
        ConnectorType.AZURE_BLOB_STORAGE: AzureDriver(destinations),
        ConnectorType.GCP_BIGQUERY: BigQueryDriver(destinations),
        ConnectorType.GCP_CLOUD_STORAGE: CloudStorageDriver(destinations),
        ConnectorType.MYSQL: MysqlDriver(destinations),
        ConnectorType.POSTGRESQL: PostgresqlDriver(destinations),
    }
