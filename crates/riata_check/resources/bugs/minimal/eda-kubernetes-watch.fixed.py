import asyncio
import functools

from kubernetes import client, config
from kubernetes.dynamic import DynamicClient


def connect(args):
    config.load_kube_config()
    dynamic = DynamicClient(client.ApiClient())
    api = dynamic.resources.get(api_version=args["api_version"], kind=args["kind"])
    return dynamic, api


async def main(queue: asyncio.Queue, args):
    loop = asyncio.get_running_loop()
    dynamic, api = await loop.run_in_executor(None, connect, args)
    get = functools.partial(api.get, namespace=args["namespace"])
    for found in (await loop.run_in_executor(None, get)).items:
        await queue.put(found)
