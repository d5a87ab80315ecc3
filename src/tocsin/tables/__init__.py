"""Tables that people bring as files, read in a process with limits. It imports little, so that the process starts at once."""

from tocsin.tables.process import ReaderError, Rows, read_rows
from tocsin.tables.read import MOST_COLUMNS, MOST_ROWS, Fault, TableError, read_table

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "Fault", "ReaderError", "Rows", "TableError", "read_rows", "read_table"]
