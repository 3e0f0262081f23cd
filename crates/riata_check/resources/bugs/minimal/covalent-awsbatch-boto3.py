import asyncio

import boto3


class BatchExecutor:
    def __init__(self, **options):
        self.options = options

    def session(self):
        return boto3.Session(**self.options)

    async def submit(self, name):
        batch = boto3.Session(**self.options).client("batch")
        return batch.submit_job(jobName=name, jobQueue="queue", jobDefinition="definition")["jobId"]  # bug

    async def poll(self, job):
        client = self.session().client("batch")
        while client.describe_jobs(jobs=[job])["jobs"][0]["status"] != "SUCCEEDED":
            await asyncio.sleep(1)
