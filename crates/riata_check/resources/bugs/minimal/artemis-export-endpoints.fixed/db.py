"""The database of analyses and reports."""

import datetime
import functools
from enum import Enum

from sqlalchemy import JSON, Column, DateTime, Integer, String, create_engine
from sqlalchemy.ext.declarative import declarative_base
from sqlalchemy.orm import sessionmaker

from config import Config

Base = declarative_base()


class ReportStatus(str, Enum):
    PENDING = "pending"
    DONE = "done"


class ReportTask(Base):
    __tablename__ = "report_task"
    id = Column(Integer, primary_key=True)
    created_at = Column(DateTime, default=datetime.datetime.utcnow)
    tag = Column(String, index=True)
    language = Column(String)
    arguments = Column(JSON)
    status = Column(String, index=True)


@functools.lru_cache(maxsize=1)
def get_engine():
    return create_engine(Config.DB_CONN_STR, pool_pre_ping=True)


class DB:
    def __init__(self) -> None:
        self._engine = get_engine()
        self.session = sessionmaker(bind=self._engine)
        Base.metadata.create_all(bind=self._engine, checkfirst=True)

    def create_report_task(self, tag, language, arguments) -> None:
        with self.session() as session:
            task = ReportTask(tag=tag, language=language, arguments=arguments)
            task.status = ReportStatus.PENDING.value
            session.add(task)
            session.commit()

    def delete_report_task(self, id: int) -> None:
        with self.session() as session:
            task = session.query(ReportTask).get(id)
            if task:
                session.delete(task)
                session.commit()
