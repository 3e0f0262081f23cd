"""Users, as they are stored."""

from datetime import datetime, timezone

from ._client import db


def get_integration(uid: str, name: str):
    user = db.collection("users").document(uid)
    found = user.collection("integrations").document(name).get()
    return found.to_dict() if found.exists else None


def set_integration(uid: str, name: str, data: dict):
    user = db.collection("users").document(uid)
    integration = user.collection("integrations").document(name)
    data["updated_at"] = datetime.now(timezone.utc)
    integration.set(data, merge=True)
