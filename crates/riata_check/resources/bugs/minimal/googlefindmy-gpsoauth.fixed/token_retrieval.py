import gpsoauth

from token_cache import get_or_set


def request_token(username, scope, play_services=False):
    aas_token = get_or_set("aas", lambda: username)
    app = "com.google.android.gms" if play_services else "com.google.android.apps.adm"
    try:
        answer = gpsoauth.perform_oauth(
            username,
            aas_token,
            0x38918A45,
            service="oauth2:https://www.googleapis.com/auth/" + scope,
            app=app,
            client_sig="0",
        )
        if "Auth" not in answer:
            raise KeyError("Auth")
        return answer["Auth"]
    except Exception as error:
        raise RuntimeError(f"no token for {scope}") from error
