"""The shipped carrier: takes everything, loses nothing, and misbehaves on demand."""
