"""Asks for the account of a feeder."""

import petsafe
from botocore.exceptions import ParamValidationError


class ConfigFlow:
    VERSION = 1

    def __init__(self, hass):
        self.hass = hass
        self._client = None
        self._feeders = None

    async def get_email_code(self, email):
        self._client = await self.hass.async_add_executor_job(petsafe.PetSafeClient, email)
        return True
