import asyncio

import boto3


def submit(name, options):
    batch = boto3.Session(**options).client("batch")
    return batch.submit_job(jobName=name, jobQueue="queue", jobDefinition="definition")["jobId"]


class BatchExecutor:
    def __init__(self, **options):
        self.options = options

    async def submit(self, name):
        return await asyncio.to_thread(submit, name, self.options)
