"""How is a fault that repeats kept from filling the disk with log lines?"""

import logging
import time

MOST = 60  # lines a minute from one place in the program
MINUTE = 60.0


class RepeatFilter(logging.Filter):
    """Passes the first lines that a place in the program logs in a minute, and counts the others."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[tuple[str, int], tuple[float, int]] = {}  # since when, and how many

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is logged; the first one after a minute of repeats says how many were left out."""
        place = record.pathname, record.lineno
        since, count = self.seen.get(place, (record.created, 0))
        left_out = 0
        if time.time() - since > MINUTE:
            since, count, left_out = record.created, 0, count - MOST
        self.seen[place] = since, count + 1
        if left_out > 0:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more like this were left out of the log)", ()
        return count < MOST


def limit_repeats(*handlers: logging.Handler) -> None:
    """Have these handlers, and the one of last resort, leave out lines that repeat."""
    repeats = RepeatFilter()
    for handler in filter(None, (*handlers, logging.lastResort)):
        handler.addFilter(repeats)
