class Transaction:
    def __init__(self, connection):
        self.connection = connection
        self.trans_handle = None

    def begin(self):
        self.trans_handle = self.connection.op_transaction()

    def check_trans_handle(self):
        if self.trans_handle is None:
            self.begin()


class AsyncTransaction(Transaction):
    async def begin(self):
        self.trans_handle = await self.connection.op_transaction()

    async def check_trans_handle(self):
        if self.trans_handle is None:
            await self.begin()
