from unittest.mock import AsyncMock, patch

import pytest
import scheduler


@pytest.mark.asyncio
async def test_stop() -> None:
    app = scheduler.Application()
    with patch("scheduler.stop_scripts_later", AsyncMock()) as later:  # bug
        assert await scheduler.stop(app) == []
    later.assert_called_once_with(app)
