"""A streamed run in a process of its own, to be killed: SOURCE OUT RESUME."""

import sys
from pathlib import Path

from cpecgeo import scale

ROWS = {"batch_rows": 2_000, "part_rows": 6_000}


def main():
    source, out, resume = sys.argv[1:4]
    to = scale.prepare(["ml1", "n40"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    done = scale.nearest_file(
        Path(source), Path(out), targets=to, resume=resume == "resume", **ROWS
    )
    sys.stdout.write(f"kept {done.parts_kept} of {done.parts}\n")


if __name__ == "__main__":
    main()
