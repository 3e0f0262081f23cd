import asyncio


class BaseWorkerHandler:
    def __init__(self, engine, shutdown_event: asyncio.Event | None = None):
        self.engine = engine
        self.shutdown_event = shutdown_event

    async def _handle_cancellation(self, request_id_future: asyncio.Future, context):
        try:
            request_id = await request_id_future
            cancellation_future = context.async_killed_or_stopped()
            wait_for = [cancellation_future]
            shutdown_task = None
            if self.shutdown_event:
                shutdown_task = asyncio.create_task(self.shutdown_event.wait())
                wait_for.append(shutdown_task)
            done, pending = await asyncio.wait(wait_for, return_when=asyncio.FIRST_COMPLETED)  # bug
            for task in pending:
                task.cancel()
            self.engine.abort_request(rid=request_id, abort_all=False)
        except asyncio.CancelledError:
            raise
