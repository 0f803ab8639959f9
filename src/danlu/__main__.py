"""`python -m danlu`."""

from danlu.cli.app import main

if __name__ == "__main__":
    main()
