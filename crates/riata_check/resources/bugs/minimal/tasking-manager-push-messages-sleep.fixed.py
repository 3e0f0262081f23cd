import asyncio


class MessageService:
    @staticmethod
    async def _push_messages(messages, database):
        for number, message in enumerate(messages):
            await database.store(message)
            if (number + 1) % 10 == 0:
                await asyncio.sleep(0.5)
