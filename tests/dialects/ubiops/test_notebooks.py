"""The two notebooks of client 2.1.0, by the unmodified client (contract ubiops 8.6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ubiops
from ubiops import CoreApi

from tests.dialects.ubiops.conftest import package
from tests.dialects.ubiops.waiting import wait_for
from tests.models import zipped

DIGITS = {
    "model.py": '''
import zlib


class Model:
    """Stands in for the network: reads the picture it is given a path of, and answers from its bytes."""

    def __init__(self, base_directory, context):
        with open("weights.txt") as weights:
            self.weights = [float(line) for line in weights]

    def request(self, data):
        with open(data["image"], "rb") as picture:
            content = picture.read()
        scores = [weight * zlib.crc32(content, digit) for digit, weight in enumerate(self.weights)]
        return {"prediction": scores.index(max(scores)), "probability": max(scores) / sum(scores)}
''',
    "weights.txt": "\n".join(["0.5"] * 10),
}


def deploy(api: CoreApi, project: str, model: str, archive: Path, version: ubiops.ModelVersionCreate) -> None:
    """Version, upload, and the loop of the notebook: until "available", or a status with "failed" in it."""
    api.model_versions_create(project_name=project, model_name=model, data=version)
    upload = api.model_versions_file_upload(
        project_name=project, model_name=model, version=version.version, file=str(archive)
    )
    assert upload.success == "True"  # the client turns it into text
    ended = wait_for(
        lambda: api.model_versions_get(project_name=project, model_name=model, version=version.version),
        lambda found: found.status == "available" or "failed" in found.status,
    )
    assert ended.status == "available", ended


def ending(api: CoreApi, project: str, model: str, request_id: str) -> Any:
    """A batch request once it has ended, as the notebook waits for it."""
    return wait_for(
        lambda: api.batch_model_requests_get(
            project_name=project, model_name=model, version="v1", request_id=request_id
        ),
        lambda found: found.status in ("completed", "failed"),
    )


def fields(**types: str) -> list[dict[str, str]]:
    return [{"name": name, "data_type": data_type} for name, data_type in types.items()]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    files = package("double")
    path = tmp_path / "multiplication_package.zip"
    path.write_bytes(zipped({"model.py": files["model.py"]}))
    return path


def test_models_and_pipelines(api: CoreApi, project: str, archive: Path) -> None:
    assert api.service_status().status == "ok"
    for number in (1, 2):
        model = ubiops.ModelCreate(
            name=f"multiplication-{number}",
            description="Multiplication model",
            input_type="structured",
            output_type="structured",
            input_fields=[ubiops.ModelInputFieldCreate(name="number", data_type="double")],
            output_fields=[ubiops.ModelOutputFieldCreate(name="result", data_type="double")],
        )
        api.models_create(project_name=project, data=model)
        version = ubiops.ModelVersionCreate(
            version="v1",
            language="python3.7",
            memory_allocation=256,
            maximum_instances=1,
            minimum_instances=0,
            maximum_idle_time=1800,
        )
        deploy(api, project, f"multiplication-{number}", archive, version)
        answer = api.model_requests_create(
            project_name=project, model_name=f"multiplication-{number}", version="v1", data={"number": 123}
        )
        assert (answer.success, answer.result, answer.error_message) == (True, {"result": 246.0}, None)
    assert [model.number_of_versions for model in api.models_list(project_name=project)] == ["1", "1"]
    run_through_both(api, project)
    for number in (1, 2):
        api.models_delete(project_name=project, model_name=f"multiplication-{number}")
    assert api.models_list(project_name=project) == []


def run_through_both(api: CoreApi, project: str) -> None:
    """The pipeline of the notebook: start to the first model to the second, one request, and away with it."""
    pipeline = ubiops.PipelineCreate(
        name="multiplication-pipeline",
        description="A simple pipeline that multiplies twice",
        input_type="structured",
        input_fields=[ubiops.PipelineInputFieldCreate(name="number", data_type="double")],
    )
    at = {"project_name": project, "pipeline_name": pipeline.name}
    api.pipelines_create(project_name=project, data=pipeline)
    models = ["multiplication-1", "multiplication-2"]
    for name in models:
        item = ubiops.PipelineObjectCreate(name=name, reference_type="model", reference_name=name, version="v1")
        api.pipeline_objects_create(**at, data=item)
    for source, destination, field in (("pipeline_start", models[0], "number"), (*models, "result")):
        link = ubiops.AttachmentFieldsCreate(source_field_name=field, destination_field_name="number")
        attachment = ubiops.AttachmentsCreate(source_name=source, destination_name=destination, mapping=[link])
        api.pipeline_object_attachments_create(**at, data=attachment)
    answer = api.pipelines_request(**at, data={"number": 123})
    assert (answer.project, answer.pipeline) == (project, pipeline.name)
    assert [(run.pipeline_object, run.success, run.request_data, run.result) for run in answer.model_requests] == [
        ("multiplication-1", True, {"number": 123}, {"result": 246.0}),
        ("multiplication-2", True, {"number": 246.0}, {"result": 492.0}),
    ]
    with pytest.raises(ubiops.ApiException) as used:
        api.models_delete(project_name=project, model_name=models[0])
    assert used.value.status == 400
    api.pipelines_delete(**at)


def test_mnist(api: CoreApi, project: str, tmp_path: Path) -> None:
    archive = tmp_path / "mnist_package.zip"
    archive.write_bytes(zipped(DIGITS))
    pictures = [tmp_path / f"digit-{number}.jpg" for number in range(3)]
    for number, picture in enumerate(pictures):
        picture.write_bytes(bytes([number]) * 5_000)
    model = ubiops.ModelCreate(
        name="mnist",
        input_type="structured",
        output_type="structured",
        input_fields=fields(image="blob"),
        output_fields=fields(prediction="int", probability="double"),
    )
    api.models_create(project_name=project, data=model)
    version = ubiops.ModelVersionCreate(
        version="v1", language="python3.6", memory_allocation=1024, maximum_instances=1, maximum_idle_time=1800
    )
    deploy(api, project, "mnist", archive, version)

    blobs = [api.blobs_create(project_name=project, file=str(picture)) for picture in pictures]
    direct = [
        api.model_requests_create(project_name=project, model_name="mnist", version="v1", data={"image": blob.id})
        for blob in blobs
    ]
    assert all(answer.success for answer in direct)
    assert len({answer.result["probability"] for answer in direct}) == 3

    queued = api.batch_model_requests_create(
        project_name=project, model_name="mnist", version="v1", data=[{"image": blob.id} for blob in blobs]
    )
    assert [request.status for request in queued] == ["pending"] * 3
    for request, answer in zip(queued, direct, strict=True):
        ended = ending(api, project, "mnist", request.id)
        assert (ended.status, ended.result) == ("completed", answer.result), ended
    listed = api.batch_model_requests_list(project_name=project, model_name="mnist", version="v1")
    assert {request.id for request in listed} == {request.id for request in queued}
    api.models_delete(project_name=project, model_name="mnist")
