from fastapi import FastAPI, Request

from store.file_executor import FileExecutor


def register_tools_api(app: FastAPI, handler):
    @app.post("/tools/{id}/execute")
    async def execute_tool(id: str, request: Request, parameters: dict | None = None):
        content = handler.read(id)
        executor = FileExecutor(content)  # bug
        return executor.execute(parameters or {}, request.headers.get("env_id"))  # bug
