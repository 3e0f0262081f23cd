import logging

import xutils

LOGGER = logging.getLogger(__name__)


async def async_setup_entry(hass, entry):
    if not hass.data:
        LOGGER.debug(f"version {await hass.async_add_executor_job(xutils.source_hash)}")
    return True
