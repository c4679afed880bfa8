"""``python -m cpecgeo``."""

from cpecgeo.cli import main

if __name__ == "__main__":
    main()
