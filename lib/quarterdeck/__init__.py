"""Quarterdeck: notebooks, batch runs and read-only pages for a Chief Sales Officer.

The rooms, in reading order, which is also the order of import:
data → analysis → present → batch → publish.
"""

__version__ = "0.1.0"
