"""Cut the letters that Urdu and Chinese pages carry, for machines that have no font of them.

    python -m tools.assets.letters

Of npm's packages of Noto, Arabic's letters as they are, and the Chinese ones that the tables of
words and the data's names use. Needs npm, fonttools and brotli (``pip install fonttools brotli``).
The record `letters.json` has versions, checksums and the Chinese letters; run this anew when a
test says that one is missing.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tools.assets.refresh import fetch, member, sha256

ROOT = Path(__file__).resolve().parents[2]
LETTERS = ROOT / "cpecgeo" / "maps" / "assets" / "letters"
# Language: package, version, file within it.
FONTS = {
    "ur": (
        "@fontsource/noto-naskh-arabic", "5.3.0", "files/noto-naskh-arabic-arabic-400-normal.woff2"
    ),
    "zh": (
        "@fontsource/noto-sans-sc", "5.3.0",
        "files/noto-sans-sc-chinese-simplified-400-normal.woff2",
    ),
}  # fmt: skip
_CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


def find_chinese(root: Path = ROOT) -> str:
    """Find all Chinese letters in the tables of words and in the data, in order."""
    tables = sorted((root / "cpecgeo" / "maps" / "assets" / "words").glob("*.json"))
    tables += [p for p in sorted((root / "data").rglob("*")) if p.suffix in {".csv", ".geojson"}]
    found = {letter for path in tables for letter in _CHINESE.findall(path.read_text("utf-8"))}
    return "".join(sorted(found))


def cut(data: bytes, letters: str) -> bytes:
    """Cut a font down to the given letters."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(data), recalcTimestamp=False)
    missing = set(map(ord, letters)) - set(font.getBestCmap())
    if missing:
        raise SystemExit(f"the font has no {''.join(map(chr, sorted(missing)))}")
    options = Options()
    options.layout_features, options.hinting = [], False
    cutter = Subsetter(options)
    cutter.populate(text=letters)
    cutter.subset(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def main() -> None:
    """Write fonts, licences and record."""
    LETTERS.mkdir(exist_ok=True)
    record: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for lang, (package, version, name) in FONTS.items():
            path = fetch(package, version, Path(temporary))
            with tarfile.open(path) as archive:
                data = member(archive, name)
            with tarfile.open(path) as archive:
                licence = member(archive, "LICENSE")
            letters = find_chinese() if lang == "zh" else ""
            made = cut(data, letters) if letters else data
            (LETTERS / f"{lang}.woff2").write_bytes(made)
            (LETTERS / f"{lang}.LICENSE.txt").write_bytes(licence)
            record[lang] = {
                "package": package, "version": version, "licence": "OFL-1.1", "file": name,
                "archive_sha256": sha256(path.read_bytes()), "sha256": sha256(made),
                "letters": letters,
            }  # fmt: skip
            print(f"{lang}: {len(made) / 1e3:.0f} kB")
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (LETTERS / "letters.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
