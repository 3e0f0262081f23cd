"""Asks Brave."""

import requests


def search_brave(key, query, count):
    response = requests.get(
        "https://api.search.brave.com/res/v1/web/search",
        headers={"X-Subscription-Token": key},
        params={"q": query, "count": count},
        timeout=30,
    )
    response.raise_for_status()
    return [found["url"] for found in response.json()["web"]["results"]]
