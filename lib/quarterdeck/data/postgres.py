"""How is PostgreSQL asked, so that all tables are of one moment and nothing in it can change?

One transaction, read-only and repeatable: every SELECT sees the database as it was when the first began, and a user who may only
SELECT is enough. Each SELECT has a time limit. No message names the password.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import pandas as pd
import psycopg
import pyarrow as pa

SCHEMES = ("postgres", "postgresql")
ALIVE = {"connect_timeout": 30, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class Refused(Exception):
    """Raised where the database gives no rows; its text ends a sentence that begins with what was asked."""


@contextmanager
def asked(url: str, zone: str, limit: float) -> Iterator[Callable[[str], pd.DataFrame]]:
    """Open a transaction; give the function that runs a SELECT in it.

    Parameters
    ----------
    url : str
        The database's URL.
    zone : str
        The time zone in which moments are shown.
    limit : float
        Seconds that a SELECT may take.

    Raises
    ------
    Refused
        Where the database does not answer, the connection is lost, a SELECT takes too long or does not run.
    """
    try:
        connection = psycopg.connect(url, autocommit=False, **ALIVE)
    except psycopg.Error as error:  # whose own words may hold the URL, so that no traceback is to show it
        raise Refused(f"did not answer ({without_secret(str(error), url)})") from None
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(limit * 1000))])
        yield lambda sql: _frame(connection, sql, url, limit)
    finally:
        connection.close()


def without_secret(text: str, url: str) -> str:
    """Give a text in one line without a URL, and without the password in it.

    >>> without_secret("cannot reach postgresql://ann:s3cret@db/sales: s3cret", "postgresql://ann:s3cret@db/sales")
    'cannot reach the database: …'
    """
    try:
        held = urlsplit(url).password or ""
    except ValueError:
        held = ""
    said = re.sub(r"://[^@\s]*@", "://", " ".join(text.replace(url, "the database").split()))
    for secret in {held, unquote(held)} - {""}:
        said = said.replace(secret, "…")
    return re.sub(r"(?i)(password\s*=\s*)\S+", r"\1…", said)[:300].rstrip(".")


def _frame(connection: psycopg.Connection, sql: str, url: str, limit: float) -> pd.DataFrame:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.strip().rstrip(";"), prepare=False)
            columns = [column.name for column in cursor.description or []]
            rows = cursor.fetchall() if columns else []
    except psycopg.errors.QueryCanceled as error:
        raise Refused(
            f"took longer than {limit:g} seconds; make it faster, or set time_limit in source.yaml"
        ) from error
    except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege) as error:
        raise Refused(f"may not run ({without_secret(str(error), url)}); only SELECTs are asked") from error
    except psycopg.Error as error:
        if connection.broken or connection.closed:
            raise Refused("was not answered, for the connection to the database was lost; run again") from error
        raise Refused(f"does not run ({without_secret(str(error), url)})") from error
    if not columns:
        raise Refused("gives no rows; write a SELECT")
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [_array(held) for held in values]
    return pa.Table.from_arrays(arrays, columns).to_pandas(integer_object_nulls=True, date_as_object=False)


def _array(values: tuple) -> pa.Array:
    """Make a column of what psycopg gives; kinds that pandas does not know (lists, JSON, ids) are text."""
    try:
        return pa.array(values)
    except pa.ArrowException:
        return pa.array([None if value is None else str(value) for value in values], pa.string())
