import docker


class FileExecutor:
    def __init__(self, content: str):
        self.content = content
        self.client = docker.from_env()

    def execute(self, parameters, env_id=None):
        if parameters.get("language") == "python":
            return self.execute_python_file_using_docker(parameters, env_id)
        raise ValueError("language")

    def execute_python_file_using_docker(self, parameters, env_id=None):
        return self.client.containers.run(
            "python:3.11", command=f"python -c '{self.content}'", remove=True, detach=False
        )
