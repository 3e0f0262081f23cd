import requests


def load_tokens():
    return {"refresh_token": "x"}


def refresh_access_token(force=False):
    tokens = load_tokens()
    if not tokens:
        return None
    try:
        response = requests.post("https://example.com/token", json=tokens, timeout=30)
        if response.status_code == 200:
            return response.json()["access_token"]
    except Exception:
        return None
    return None
