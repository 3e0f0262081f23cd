from pylast import LastFMNetwork, PyLastError, User


def get_user(api_key: str, name: str) -> User:
    return LastFMNetwork(api_key=api_key).get_user(name)


async def async_step_friends(hass, data):
    main_user = get_user(data["api_key"], data["user"])
    try:
        found = await hass.async_add_executor_job(main_user.get_friends)
    except PyLastError:
        return []
    return [friend.name for friend in found]
