import asyncio

from kubernetes import client, config
from kubernetes.dynamic import DynamicClient


async def main(queue: asyncio.Queue, args):
    config.load_kube_config()
    dynamic = DynamicClient(client.ApiClient())
    api = dynamic.resources.get(api_version=args["api_version"], kind=args["kind"])  # bug
    for found in api.get(namespace=args["namespace"]).items:
        await queue.put(found)
    for event in dynamic.watch(api, namespace=args["namespace"]):  # bug
        await queue.put(event)
