from pathlib import Path

from detector import CarrierDetector

DETECTOR = CarrierDetector(Path(__file__).parent / "carriers")


class Flow:
    async def async_step_user(self, data):
        carrier = DETECTOR.detect(data["number"])  # bug
        return {"carrier": carrier}
