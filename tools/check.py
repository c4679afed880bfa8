"""The minute before a commit: `python -m tools.check` looks at what has changed, and no more.

ruff and mypy look at everything, which takes seconds; tests and doctests are those of the
rooms that changed. `make test` remains the judge.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_BYTES = 5_000_000
# Tests that read the whole tree, and are quick.
ALWAYS = ["tests/test_imports.py", "tests/test_namespace.py", "tests/test_api_rules.py"]


def changed_files() -> list[Path]:
    """Return the files that differ from the last commit, new ones included."""
    listed = []
    for command in (
        ["git", "diff", "--name-only", "--diff-filter=d", "HEAD"],
        ["git", "ls-files", "--others", "--exclude-standard"],
    ):
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        listed += run.stdout.split("\n")
    return [ROOT / name for name in listed if name]


def select_tests(changed: list[Path]) -> list[str]:
    """Return the test folders and modules with doctests that belong to changed files."""
    chosen = list(ALWAYS)
    for path in changed:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "cpecgeo" and path.suffix == ".py":
            chosen.append("/".join(parts))
            room = f"tests/{parts[1].removesuffix('.py')}"
            chosen.append(room if (ROOT / room).is_dir() else "tests/features")
        elif parts[0] == "tests" and path.name.startswith("test_"):
            chosen.append("/".join(parts))
        elif parts[0] in {"data", "tools"}:
            chosen.append("tests/data")
    return list(dict.fromkeys(chosen))


def oversized() -> list[str]:
    """Return the tracked files that are larger than the repository should hold."""
    run = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT)
    paths = [ROOT / name for name in run.stdout.split("\n") if name]
    return [str(p) for p in paths if p.is_file() and p.stat().st_size > MOST_BYTES]


def main(arguments: list[str]) -> int:
    """Run the checks; return 0 where all pass."""
    large = oversized()
    if large:
        print("larger than 5 MB:", *large)
    if "--sizes" in arguments:
        return bool(large)
    python = [sys.executable, "-m"]
    steps = [
        [*python, "ruff", "check", "."],
        [*python, "ruff", "format", "--check", "."],
        [*python, "mypy", "--strict"],
        [*python, "pytest", "-q", "-n", "2", "-m", "not browser and not slow and not wheel"],
    ]
    steps[-1] += select_tests(changed_files())
    return max(
        bool(large), *(subprocess.run(step, check=False, cwd=ROOT).returncode for step in steps)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
