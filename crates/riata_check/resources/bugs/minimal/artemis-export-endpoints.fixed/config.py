import os


class Config:
    DB_CONN_STR = os.environ.get("DB_CONN_STR", "postgresql://localhost/reports")
