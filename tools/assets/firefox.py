"""Take pictures by Firefox, to be looked at: maps, reports in three languages, built pages.

    python tools/assets/firefox.py [FOLDER]

Needs Debian's firefox-esr. The pictures aren't part of the project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cpecgeo
from cpecgeo import maps

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "docs/_build/html"
# One of each kind; `make docs` builds them.
PAGES = ("index", "tutorial", "gallery", "api", "api/cpecgeo.nearest", "notebooks/02-ml1",
         "maps-compared")  # fmt: skip
SIZES = ("1440,1000", "820,1100", "390,800")


def take(firefox: str, page: Path, picture: Path, size: str, home: str) -> None:
    """Take one picture, with a home folder for Firefox alone."""
    command = [firefox, "--headless", "--screenshot", str(picture), f"--window-size={size}"]
    subprocess.run(
        [*command, page.as_uri()], check=True, timeout=180, capture_output=True,
        env={**os.environ, "HOME": home},
    )  # fmt: skip
    print(picture)


def main() -> None:
    """Take all pictures."""
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if firefox is None:
        sys.exit("No firefox is on PATH; on Debian install the package firefox-esr.")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "out/firefox"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        made = [maps.cpec_map(lang=lang).save(Path(work) / f"map-{lang}.html")
                for lang in ("en", "ur", "zh")]  # fmt: skip
        for asked in (("ml1",), ("Torkham",), ("western", "central", "eastern")):
            for lang in ("en", "ur", "zh"):
                report = cpecgeo.report(*asked, lang=lang)
                made.append(report.save(Path(work) / f"report-{asked[0]}-{lang}.html"))
        made += [page for name in PAGES if (page := BUILT / f"{name}.html").exists()]
        for page in made:
            for size in SIZES:
                name = f"{page.stem}-{size.partition(',')[0]}.png"
                take(firefox, page, folder / name, size, work)


if __name__ == "__main__":
    main()
