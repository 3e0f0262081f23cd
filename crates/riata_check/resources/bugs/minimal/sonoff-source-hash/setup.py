import logging

import xutils

LOGGER = logging.getLogger(__name__)


async def async_setup_entry(hass, entry):
    if not hass.data:
        LOGGER.debug(f"version {xutils.source_hash()}")  # bug
    return True
