"""Putting a pipeline together over the UbiOps door, for tests whose subject is what runs through it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

Links = dict[str, str]
"""Destination fields by what they come from, turned round: {destination: source}."""


@dataclass(frozen=True)
class PipelineDoor:
    """One pipeline, by its paths on the server."""

    client: httpx2.Client
    project: str
    name: str

    @property
    def path(self) -> str:
        return f"/v2.1/projects/{self.project}/pipelines/{self.name}"

    def add(self, name: str, model: str, version: str = "v1") -> None:
        body = {"name": name, "reference_type": "model", "reference_name": model, "version": version}
        answer = self.client.post(f"{self.path}/objects", json=body)
        assert answer.status_code == 201, answer.text

    def attach(self, source: str, destination: str, links: Links | None = None) -> None:
        mapping = [{"source_field_name": given, "destination_field_name": to} for to, given in (links or {}).items()]
        body = {"source_name": source, "destination_name": destination, "mapping": mapping}
        answer = self.client.post(f"{self.path}/attachments", json=body)
        assert answer.status_code == 201, answer.text

    def request(self, data: object, **limits: int) -> list[dict[str, Any]]:
        """The runs of a direct request."""
        answer = self.client.post(f"{self.path}/request", json=data, params=limits)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["model_requests"])

    def batch(self, items: list[Any]) -> list[str]:
        """The ids of accepted requests."""
        answer = self.client.post(f"{self.path}/request-batch", json=items)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()]

    def get(self, request_id: str) -> dict[str, Any]:
        answer = self.client.get(f"{self.path}/request-batch/{request_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def new_pipeline(client: httpx2.Client, project: str, inputs: dict[str, str] | None) -> PipelineDoor:
    """A pipeline without objects. Fields are data types by name; None makes it plain."""
    door = PipelineDoor(client, project, f"pipeline-{uuid.uuid4().hex[:12]}")
    body: dict[str, Any] = {"name": door.name, "input_type": "plain" if inputs is None else "structured"}
    body["input_fields"] = [{"name": name, "data_type": kind} for name, kind in (inputs or {}).items()]
    answer = client.post(f"/v2.1/projects/{project}/pipelines", json=body)
    assert answer.status_code == 201, answer.text
    return door
