import subprocess


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_executable_sync(name: str, arguments: list[str]) -> dict:
    try:
        result = _run([name, *arguments])
    except OSError as error:
        return {"output": str(error), "code": -1}
    return {"output": result.stdout, "code": result.returncode}
