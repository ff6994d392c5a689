"""Bodies that come in about pipelines (contract ubiops 3.2)."""

from __future__ import annotations

from typing import Literal

from quinta.dialects.ubiops.shapes import Body, Given, ModelField, NonEmpty, Text, ValueTypeName

ReferenceTypeName = Literal["model", "connector"]


class PipelineUpdate(Body):
    name: Given[NonEmpty] = None
    input_type: Given[ValueTypeName] = None
    description: Given[Text] = None
    input_fields: Given[list[ModelField]] = None


class PipelineCreate(Body):
    name: NonEmpty
    input_type: ValueTypeName
    description: Given[Text] = None
    input_fields: Given[list[ModelField]] = None


class PipelineObjectUpdate(Body):
    """The reference may be sent again as it is: the command-line client does (contract ubiops 3.4, 8.4)."""

    name: Given[NonEmpty] = None
    version: Given[NonEmpty] = None
    reference_type: Given[ReferenceTypeName] = None
    reference_name: Given[NonEmpty] = None


class PipelineObjectCreate(Body):
    name: NonEmpty
    reference_type: ReferenceTypeName
    reference_name: NonEmpty
    version: Given[NonEmpty] = None


class AttachmentField(Body):
    source_field_name: NonEmpty
    destination_field_name: NonEmpty


class AttachmentsCreate(Body):
    source_name: NonEmpty
    destination_name: NonEmpty
    mapping: Given[list[AttachmentField]] = None
