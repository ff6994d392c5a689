"""Ray Serve: python ray_server.py PORT REPLICAS. Ends when its standard input does."""

import sys

import ray
from ray import serve
from starlette.requests import Request
from work import answer


class Work:
    async def __call__(self, request: Request) -> dict:
        return answer(await request.json())


if __name__ == "__main__":
    replicas = int(sys.argv[2])
    ray.init(address="local", include_dashboard=False, num_cpus=2, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    options = {"num_replicas": replicas, "max_ongoing_requests": 1, "ray_actor_options": {"num_cpus": 0.01}}
    serve.run(serve.deployment(Work).options(**options).bind(), route_prefix="/")
    sys.stdin.read()
    ray.shutdown()
