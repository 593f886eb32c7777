"""`python -m papilio` is `papilio`."""

from papilio.cli import main

if __name__ == "__main__":
    main()
