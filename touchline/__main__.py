"""`python -m touchline` is the command line, as `touchline` is."""

from app.cli.main import main

if __name__ == "__main__":
    main()
