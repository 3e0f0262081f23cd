from token_cache import get_or_set
from token_retrieval import request_token


def get_adm_token(username):
    return get_or_set(f"adm_{username}", lambda: request_token(username, "android_device_manager"))
