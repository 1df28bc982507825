"""The file of what leaves by SNS, `deliveries.db`: messages for HTTP(S) subscribers, e-mails and SMS."""

import os
import sqlite3
from pathlib import Path

from warden.adapters.sqlite import WrongSchema

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
  id INTEGER PRIMARY KEY, subscription TEXT NOT NULL, endpoint TEXT NOT NULL, headers TEXT NOT NULL,
  body BLOB NOT NULL, created INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_due ON delivery (due, id);
CREATE INDEX IF NOT EXISTS by_subscription ON delivery (subscription, id);
CREATE TABLE IF NOT EXISTS letter (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, protocol TEXT NOT NULL, endpoint TEXT NOT NULL,
  kind TEXT NOT NULL, topic TEXT NOT NULL, message TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made where it is missing, for its owner only; each commit is durable.

    Raises: WrongSchema, where a newer release made it.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        db.close()
        raise WrongSchema(f"{path} has schema version {version}, this release knows {SCHEMA_VERSION}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(f"{_SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};")
    return db
