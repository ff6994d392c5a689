"""Which driver writes to which type of store."""

from __future__ import annotations

from collections.abc import Mapping

from quinta.core.connectors.model import ConnectorType
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.driver import Driver
from quinta.engine.connectors.mysql import MysqlDriver
from quinta.engine.connectors.postgresql import PostgresqlDriver

Drivers = Mapping[ConnectorType, Driver]


def make_drivers(destinations: Destinations) -> Drivers:
    return {
        ConnectorType.MYSQL: MysqlDriver(destinations),
        ConnectorType.POSTGRESQL: PostgresqlDriver(destinations),
    }
