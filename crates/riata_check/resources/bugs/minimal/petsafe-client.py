"""Asks for the account of a feeder."""

import petsafe
from botocore.exceptions import ParamValidationError


class ConfigFlow:
    VERSION = 1

    def __init__(self):
        self._client = None
        self._feeders = None

    async def get_email_code(self, email):
        self._client = petsafe.PetSafeClient(email=email)  # bug
        try:
            await self._client.request_code()
        except ParamValidationError:
            return False
        return True
