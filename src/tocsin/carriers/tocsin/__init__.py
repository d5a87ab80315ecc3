"""An upstream platform of the same family: its send API out, its pushes in."""
