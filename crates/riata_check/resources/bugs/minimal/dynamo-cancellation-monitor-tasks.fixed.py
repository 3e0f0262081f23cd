import asyncio


class BaseWorkerHandler:
    def __init__(self, engine, shutdown_event: asyncio.Event | None = None):
        self.engine = engine
        self.shutdown_event = shutdown_event

    async def _handle_cancellation(self, request_id_future: asyncio.Future, context):
        request_id = await request_id_future
        cancellation_future = context.async_killed_or_stopped()
        wait_for = [cancellation_future]
        shutdown_task = None
        try:
            if self.shutdown_event:
                shutdown_task = asyncio.create_task(self.shutdown_event.wait())
                wait_for.append(shutdown_task)
            await asyncio.wait(wait_for, return_when=asyncio.FIRST_COMPLETED)
            self.engine.abort_request(rid=request_id, abort_all=False)
        finally:
            for waiting in (cancellation_future, shutdown_task):
                if waiting is not None and not waiting.done():
                    waiting.cancel()
