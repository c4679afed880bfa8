"""``python -m cpecgeo``, and ``cpecgeo`` on the shell."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C ends it with 130 from the first import on."""
    try:
        from cpecgeo.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("cpecgeo: stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
