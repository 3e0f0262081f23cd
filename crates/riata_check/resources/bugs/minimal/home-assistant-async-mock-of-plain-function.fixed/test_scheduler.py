from unittest.mock import MagicMock, patch

import pytest
import scheduler


@pytest.mark.asyncio
async def test_stop() -> None:
    app = scheduler.Application()
    with patch("scheduler.stop_scripts_later", MagicMock()) as later:
        assert await scheduler.stop(app) == []
    later.assert_called_once_with(app)
