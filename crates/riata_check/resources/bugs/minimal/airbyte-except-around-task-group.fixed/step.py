from container import Container, ExecError, output_of


async def run(container: Container) -> str:
    failures = []
    stdout = ""
    try:
        stdout, _ = await output_of(container)
    except* ExecError as group:
        failures.extend(str(error) for error in group.exceptions)
    return f"failed: {failures}" if failures else stdout
