"""LitServe: python litserve_server.py PORT WORKERS."""

import sys

import litserve
from work import answer


class Work(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request

    def predict(self, data):
        return answer(data)

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Work(), accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
