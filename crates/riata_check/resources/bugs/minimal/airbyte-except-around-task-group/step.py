from container import Container, ExecError, output_of


async def run(container: Container) -> str:
    try:
        stdout, _ = await output_of(container)
    except ExecError as error:  # bug
        return f"failed: {error}"
    return stdout
