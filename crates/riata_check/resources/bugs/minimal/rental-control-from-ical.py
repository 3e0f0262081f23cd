"""The bookings of a house, from the calendar of an agency."""

import aiohttp
from icalendar import Calendar


class Bookings:
    def __init__(self, url):
        self.url = url
        self.events = []

    async def refresh(self):
        async with aiohttp.ClientSession() as session:
            async with session.get(self.url) as response:
                text = await response.text()
        calendar = Calendar.from_ical(text)  # bug
        self.events = [event for event in calendar.walk("VEVENT") if "SUMMARY" in event]
