"""Asks a SearXNG server."""

import requests


def search_searxng(base_url, query, count):
    response = requests.get(base_url, params={"q": query, "format": "json"}, timeout=30)
    response.raise_for_status()
    return [found["url"] for found in response.json()["results"]][:count]
