import asyncio
import inspect


class Observable:
    def __init__(self, value=None):
        self._value = value
        self._observers = []

    def add_observer(self, observer):
        self._observers.append(observer)

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, new):
        self._value = new
        for observer in self._observers:
            if inspect.iscoroutinefunction(observer):
                asyncio.create_task(observer(new))  # bug
            else:
                result = observer(new)
                if inspect.isawaitable(result):
                    asyncio.ensure_future(result)  # bug
