import time


class MessageService:
    @staticmethod
    async def _push_messages(messages, database):
        for number, message in enumerate(messages):
            await database.store(message)
            if (number + 1) % 10 == 0:
                time.sleep(0.5)  # bug
