"""`python -m tocsin` is the command line, for children that must not depend on PATH."""

from tocsin.kit import last_words

if __name__ == "__main__":
    with last_words.left_by_faults():
        from tocsin.cli import main

        main()
