"""What a step needs of the container it runs in."""

import anyio


class ExecError(Exception):
    pass


class Container:
    async def stdout(self) -> str:
        await anyio.sleep(0)
        raise ExecError("exit code 1")

    async def stderr(self) -> str:
        await anyio.sleep(0)
        return ""


async def output_of(container: Container) -> tuple[str, str]:
    found = {}

    async def read_stdout() -> None:
        found["stdout"] = await container.stdout()

    async def read_stderr() -> None:
        found["stderr"] = await container.stderr()

    async with anyio.create_task_group() as group:
        group.start_soon(read_stdout)
        group.start_soon(read_stderr)
    return found["stdout"], found["stderr"]
