"""MLServer: the model that model-settings.json names. Numbers come as FP64 tensors, text as BYTES."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from work import answer


class Work(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        given = payload.inputs[0]
        output = answer({given.name: given.data[0]})["output"]
        outputs = [ResponseOutput(name="output", shape=[1], datatype="FP64", data=[output])]
        return InferenceResponse(model_name=self.name, outputs=outputs)
