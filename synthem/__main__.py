"""`python -m synthem` is the command `synthem`."""

from synthem.cli import main

if __name__ == "__main__":
    main()
