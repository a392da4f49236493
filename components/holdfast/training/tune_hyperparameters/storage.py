"""Where a study is kept, so that a killed step goes on and workers share it."""

import os
from pathlib import Path
from time import sleep
from typing import Any

from holdfast.errors import InputError, MachineError, first_line, without_password

VARIABLE = "HOLDFAST_STUDY_STORAGE"
# A worker that says nothing for so long is dead, and its trial with it.
HEARTBEAT, GRACE = 60, 180
TRIES = 5


def open_storage(place: str) -> Any:
    """Return Optuna's storage: a file, a PostgreSQL database, or memory where nothing is named.

    Args:
        place: A path (SQLite), sqlite:///PATH or postgresql://USER@HOST/DATABASE; empty for what
            the variable HOLDFAST_STUDY_STORAGE says, which alone may hold a password.

    Raises:
        InputError: There is a password in `place`, or it is no storage, or the server refuses.
        MachineError: The server does not answer.
    """
    from optuna.storages import InMemoryStorage, RDBStorage
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    url = _url(place)
    if not url:
        return InMemoryStorage()
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    for left in reversed(range(TRIES)):
        try:
            return RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
            )
        except (SQLAlchemyError, ImportError) as error:
            # Workers that begin at once make the same tables.
            if left:
                sleep(1)
                continue
            found = without_password(first_line(error))
            # A server's refusal, such as of a password, is an answer, and begins with FATAL.
            away = isinstance(error, OperationalError) and "FATAL:" not in str(error)
            server = url.startswith("postgresql")
            raise (MachineError if away and server else InputError)(
                f"`storage` must be a file or a database that can be reached. Found: "
                f"{without_password(url)}: {found}. The password comes from PGPASSWORD or "
                f"{VARIABLE}."
            ) from None
    raise AssertionError("not reached")


def _url(place: str) -> str:
    """Return the SQLAlchemy URL of a place, empty for memory."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    told = place or os.environ.get(VARIABLE, "")
    if told and "://" not in told:
        Path(told).resolve().parent.mkdir(parents=True, exist_ok=True)
        told = f"sqlite:///{Path(told).resolve()}"
    if not told:
        return ""
    try:
        url = make_url(told)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InputError(
            f"`storage` must be a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE. Found: "
            f"{without_password(told)}."
        )
    if place and url.password:
        raise InputError(
            f"`storage` must not hold a password: parameters are kept and shown. Found: one in "
            f"{without_password(place)}. Put it into PGPASSWORD, or the whole into {VARIABLE}."
        )
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)
