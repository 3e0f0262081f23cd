"""What can go wrong while measuring, other than a bug of ours."""


class MeasurementError(Exception):
    """One case on one loop gave no number. The campaign goes on and reports it."""
