"""What the scheduler asks about services."""


async def service_awaits_manual_interventions(data) -> bool:
    """Whether somebody has to look after a service before it can be removed."""
    state = await data.sidecar.state()
    return state.failed and not state.was_saved
