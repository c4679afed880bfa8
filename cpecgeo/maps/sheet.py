"""A figure's size, language and style, and its file."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cpecgeo.errors import InputError, InputTypeError, MissingExtraError, UnknownNameError
from cpecgeo.files.disk import write_whole
from cpecgeo.maps.colors import find_dash
from cpecgeo.maps.words import Words, find_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BORDER",
    "INK",
    "SOFT",
    "FigureStyle",
    "check_size",
    "convert_dash",
    "count_letters",
    "dress",
    "escape_text",
    "find_inks",
    "find_size",
    "fold_text",
    "new_figure",
    "render_figure",
    "save_figure",
    "write_note",
    "write_title",
]

INK, SOFT, BORDER = "#26231f", "#696358", "#a39b8c"
# The same for a style with a dark background.
_LIGHT = ("#f1ede4", "#c9c2b4")
# Fonts for each language, best first; DejaVu comes with matplotlib.
_FONTS = {
    "ur": ("Noto Naskh Arabic", "Noto Sans Arabic", "DejaVu Sans"),
    "zh": (
        "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
        "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB",
    ),
}  # fmt: skip
# matplotlib's settings of titles.
_TITLES = ("axes.titleweight", "figure.titleweight")
# By name, because matplotlib before 3.11 can't write numeric weights to SVG.
_WEIGHTS = {200: "light", 400: "normal", 500: "medium", 600: "semibold", 700: "bold", 800: "heavy",
            900: "black"}  # fmt: skip
_SHAPES = (3, 11)  # the first matplotlib that joins Arabic letters, from right to left
# Inches of a figure's sides.
_LARGEST = 60.0
FigureStyle: TypeAlias = str | Mapping[str, Any] | None
_OUTLINED = re.compile("[\u0590-\u08ff\u2e80-\u9fff]")
# No font has these; a line break is intended.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
# No dates and random ids in files, so that the same figure gives the same bytes.
_UNDATED: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}
_RC: Any = {"svg.hashsalt": "cpecgeo", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 8.5}


@contextmanager
def dress(lang: str, style: FigureStyle) -> Iterator[Words]:
    """Set a language and a style of matplotlib within a block, and restore the settings after it.

    Refuse a language that matplotlib can't typeset or whose letters no font has, and unknown styles
    and settings.
    """
    say = find_words(lang)
    try:
        import matplotlib as mpl
        from matplotlib import font_manager
        from matplotlib import style as styles
    except ImportError as error:
        raise MissingExtraError(
            "figures need matplotlib; install it with: pip install 'cpecgeo[plot]'"
        ) from error
    settings: Any = dict.fromkeys(_TITLES, "bold")
    if lang in _FONTS:
        faces = [(face.name, int(face.weight)) for face in font_manager.fontManager.ttflist]
        known = {name: {w for of, w in faces if of == name} for name in _FONTS[lang]}
        font = next((name for name, weights in known.items() if weights), None)
        if font is None:
            raise MissingExtraError(
                f"no font on this machine has the letters of {lang!r}; install one of "
                f"{', '.join(_FONTS[lang])}."
            )
        if lang == "ur" and mpl.__version_info__[:2] < _SHAPES:
            raise MissingExtraError(
                f"matplotlib {mpl.__version__} doesn't join Urdu's letters; 3.11 or newer does."
            )
        settings = _set_font(font, known[font])
    # Only a name: matplotlib would also take a path or an address, and fetch it.
    if isinstance(style, str) and style not in styles.library:
        raise UnknownNameError(style, "style of matplotlib", list(styles.library))
    if not isinstance(style, (str, Mapping, type(None))):
        raise InputTypeError(
            f"style is {type(style).__name__}; it must be the name of a style of matplotlib, or "
            "its settings, such as {'font.family': 'serif'}."
        )
    try:
        settings |= styles.library[style] if isinstance(style, str) else mpl.RcParams(style or {})
    except (KeyError, ValueError) as error:
        raise InputError(f"style has a setting that matplotlib refuses: {error}") from error
    with mpl.rc_context(settings):
        yield say


def _set_font(font: str, weights: set[int]) -> dict[str, str | int | list[str]]:
    """Return matplotlib's settings for a font, with weights that the font has.

    `weights` are those of its faces: 400 is normal, 700 bold. matplotlib warns of each text in a
    weight that the font lacks, so such weights are avoided.

    Examples
    --------
    >>> _set_font("WenQuanYi Zen Hei", {500})["axes.titleweight"]
    'medium'
    >>> _set_font("SimHei", {400})["font.family"]
    ['SimHei', 'DejaVu Sans']
    """
    normal = min(weights, key=lambda weight: abs(weight - 400))
    bold = min(weights, key=lambda weight: abs(weight - 700))
    # DejaVu, the fallback for missing letters, is used in the same weight.
    spare = ["DejaVu Sans"] if font != "DejaVu Sans" and {normal, bold} <= {400, 700} else []
    all_of = ("font.weight", "axes.labelweight", "figure.labelweight")
    texts = dict.fromkeys(all_of, _WEIGHTS.get(normal, normal))
    titles = dict.fromkeys(_TITLES, _WEIGHTS.get(bold, bold))
    return {"font.family": [font, *spare], **texts, **titles}


def check_size(size: object, least: tuple[float, float] = (4.0, 4.0)) -> tuple[float, float]:
    """Return width and height of a figure in inches, large enough to be readable."""
    if (
        not isinstance(size, (tuple, list))
        or len(size) != 2
        or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in size)
    ):
        raise InputTypeError(f"size is {size!r}; width and height in inches are needed: (11, 5.2).")
    width, height = float(size[0]), float(size[1])
    if not (least[0] <= width <= _LARGEST and least[1] <= height <= _LARGEST):
        raise InputError(
            f"size is {size!r}; it must be {least[0]:g} to {_LARGEST:g} inches wide and "
            f"{least[1]:g} to {_LARGEST:g} high."
        )
    return width, height


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure without a window; sizes are in inches."""
    from matplotlib.figure import Figure

    # Without its own HTML, a figure without a window would be a line of text in notebooks.
    draw = {"_repr_png_": lambda made: render_figure(made, "png", dpi=100)}
    shown = type("Figure", (Figure,), draw)
    figure: Figure = shown(figsize=(width_in, height_in), layout="constrained")
    return figure


def find_inks(
    ground: Literal["figure.facecolor", "axes.facecolor"] = "figure.facecolor",
) -> tuple[str, str]:
    """Find ink and soft ink that can be read on a ground of the style in force.

    Examples
    --------
    >>> with dress("en", "dark_background"):
    ...     find_inks()[0]
    '#f1ede4'
    """
    import matplotlib as mpl
    from matplotlib.colors import to_rgb

    face = mpl.rcParams[ground]
    if face in ("inherit", "auto"):
        face = mpl.rcParams["axes.facecolor"]
    red, green, blue = (1.0, 1.0, 1.0) if face == "none" else to_rgb(face)
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    return _LIGHT if bright < 0.45 else (INK, SOFT if bright > 0.85 else INK)


def find_size(axes: Axes) -> tuple[float, float]:
    """Return width and height of the figure that axes are in, in inches."""
    sheet = axes.figure
    return sheet.bbox.width / sheet.dpi, sheet.bbox.height / sheet.dpi


def write_title(axes: Axes, title: object, say: Words) -> None:
    """Write a title above axes, folded to the figure's width, at the side where reading begins."""
    width, _ = find_size(axes)
    axes.set_title(
        fold_text(escape_text(title, 120), width - 0.7, 11),
        loc="right" if say.direction == "rtl" else "left",
        fontsize=11,
        color=find_inks()[0],
    )


def write_note(figure: Figure, note: str, say: Words) -> None:
    """Write a note below a figure, folded to its width."""
    width, said = float(figure.get_size_inches()[0]), say(note)
    said = fold_text(said, width - 0.4, 6.5) if say.lang == "zh" else said
    figure.supxlabel(said, fontsize=6.5, color=find_inks()[1], wrap=True)


def count_letters(text: str) -> float:
    """Count letters by their width; a Chinese one is as wide as two."""
    return sum(2.0 if "\u2e80" <= letter <= "\uffef" else 1.0 for letter in text)


def fold_text(text: str, inches: float, points: float) -> str:
    """Fold a text to a width: matplotlib breaks lines at spaces alone, which Chinese hasn't.

    `points` is the size of the letters, thought of as bold ones.

    Examples
    --------
    >>> fold_text("Karakoram Highway, Hasan Abdal", 2.2, 11).splitlines()
    ['Karakoram Highway,', 'Hasan Abdal']
    """
    is_wide = any("\u2e80" <= letter <= "\uffef" for letter in text)
    room = inches * 72 / points / (0.5 if is_wide else 0.7)
    lines = [""]
    # Break between Chinese letters and at spaces; punctuation stays with the word before it.
    for part in re.findall(r"[\u2e80-\uffef][，。；：、）]?|[^\s\u2e80-\uffef]+\s*|\s+", text):
        if lines[-1] and count_letters(lines[-1] + part.rstrip()) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def save_figure(figure: Figure, path: str | Path, *, dpi: int = 200) -> Path:
    """Write a figure in the format of the file's suffix.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : path
        Ends in ``.png``, ``.svg`` or ``.pdf``.
    dpi : int
        Dots per inch of a PNG.

    Returns
    -------
    Path
        `path`; written whole or not at all.

    Raises
    ------
    InputError
        Another suffix.
    FileError
        The folder is missing or can't be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(new_figure(2, 1), pathlib.Path(folder) / "empty.svg").suffix
    '.svg'
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path.name!r} ends in {path.suffix!r}; a figure is written as .png, .svg or .pdf."
        )
    return write_whole(path, render_figure(figure, kind, dpi=dpi))


def render_figure(figure: Figure, kind: str, *, dpi: int = 200) -> bytes:
    """Render a figure as ``png``, ``svg`` or ``pdf``; the same figure gives the same bytes."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    outlined = {"svg.fonttype": "path"} if _needs_outlines(figure) else {}
    with mpl.rc_context(_RC | outlined):
        if kind == "svg":
            # `savefig` draws twice, once to try the layout; the first drawing has it already.
            from matplotlib.backends.backend_svg import FigureCanvasSVG

            canvas: Any = FigureCanvasSVG(figure)
            canvas.print_svg(buffer, metadata=_UNDATED[kind])
            return buffer.getvalue()
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_UNDATED[kind])
    return buffer.getvalue()


def _needs_outlines(figure: Figure) -> bool:
    """Return whether a text is Urdu, which viewers set otherwise, or Chinese, which few can."""
    from matplotlib.text import Text

    return any(_OUTLINED.search(text.get_text()) for text in figure.findobj(Text))


def escape_text(text: object, longest: int = 80) -> str:
    """Escape dollar signs, between which matplotlib would read mathematics."""
    said = str(text)
    cut = said if len(said) <= longest else f"{said[: longest - 1].rstrip()}…"
    return _CONTROL.sub(" ", cut).replace("$", r"\$")


def convert_dash(status: object, weight: float) -> Any:
    """Convert a status to matplotlib's line style; both count in line widths."""
    pattern = find_dash(status)
    if not pattern:
        return "solid"
    scale = max(1.0, 1.6 / weight)
    return (0, tuple(float(n) * scale for n in pattern.split()))
