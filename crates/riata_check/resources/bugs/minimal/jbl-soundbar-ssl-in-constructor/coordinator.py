import ssl


class Coordinator:
    def __init__(self, hass, entry):
        self.hass = hass
        self.entry = entry
        self.sslcontext = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        self.sslcontext.check_hostname = False
