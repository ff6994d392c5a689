"""BentoML: the service that ``bentoml serve bentoml_server:Work`` runs; WORKERS in the environment."""

import os

import bentoml
from work import answer


@bentoml.service(
    workers=int(os.environ["WORKERS"]),
    traffic={"timeout": 60},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Work:
    @bentoml.api
    async def predict(self, data: dict) -> dict:
        return answer(data)
