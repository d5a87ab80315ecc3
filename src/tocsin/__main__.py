"""`python -m tocsin` is the command line, for children that must not depend on PATH."""

from tocsin.cli import main

if __name__ == "__main__":
    main()
