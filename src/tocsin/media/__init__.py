"""Files of messages: stored once by hash, read by the worker that hands them to a carrier, and by nobody else."""

from tocsin.media.keep import Attached, forget_files, keep_files, load_files, read_attached, word_attached

__all__ = ["Attached", "forget_files", "keep_files", "load_files", "read_attached", "word_attached"]
