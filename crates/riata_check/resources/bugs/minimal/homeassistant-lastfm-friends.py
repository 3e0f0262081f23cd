from pylast import LastFMNetwork, PyLastError, User


def get_user(api_key: str, name: str) -> User:
    return LastFMNetwork(api_key=api_key).get_user(name)


async def async_step_friends(hass, data):
    main_user = get_user(data["api_key"], data["user"])
    try:
        friends = [friend.name for friend in main_user.get_friends()]  # bug
    except PyLastError:
        friends = []
    return friends
