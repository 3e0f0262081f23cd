"""Searches the web for the documents that a question needs."""

from brave import search_brave
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from searxng import search_searxng

router = APIRouter()


class SearchForm(BaseModel):
    query: str


def search_web(request: Request, engine: str, query: str) -> list[str]:
    config = request.app.state.config
    if engine == "searxng":
        if not config.SEARXNG_URL:
            raise Exception("no address of a SearXNG server")
        return search_searxng(config.SEARXNG_URL, query, config.RESULTS)
    elif engine == "brave":
        return search_brave(config.BRAVE_KEY, query, config.RESULTS)
    raise Exception("no such engine")


@router.post("/process/web/search")
async def process_web_search(request: Request, form: SearchForm):
    try:
        found = await run_in_threadpool(
            search_web, request, request.app.state.config.ENGINE, form.query
        )
    except Exception as error:
        raise HTTPException(400, str(error)) from error
    return {"status": True, "urls": found}
