from firebird.transaction import AsyncTransaction


class AsyncConnection:
    def __init__(self, protocol):
        self.protocol = protocol
        self._transaction = None

    async def begin(self):
        if not self._transaction:
            self._transaction = AsyncTransaction(self.protocol)
        await self._transaction.begin()

    async def execute_immediate(self, query):
        if self._transaction is None:
            self._transaction = AsyncTransaction(self.protocol)
        await self._transaction.check_trans_handle()
        await self.protocol.op_exec_immediate(self._transaction.trans_handle, query=query)
