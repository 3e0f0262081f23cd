from abc import ABC, abstractmethod


class CrudPort(ABC):
    @abstractmethod
    async def get(self, id: str): ...

    @abstractmethod
    async def list(self, limit: int): ...
