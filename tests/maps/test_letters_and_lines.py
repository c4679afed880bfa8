"""Figures are read on paper: letters neither small nor large, fine lines fine, nothing hidden."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import same_color, to_hex
from matplotlib.patches import PathPatch
from matplotlib.text import Text

from cpecgeo.maps import draw_overview, draw_profile, draw_strip
from cpecgeo.maps.colors import LOOKS, find_look

# Kinds of corridors by their colour; all other lines are boundaries, leaders, edges of marks.
KINDS = {to_hex(find_look(kind).color) for kind in ("road", "rail", "mining")}


@pytest.fixture(scope="module")
def overview():
    made = draw_overview(["ml1", "kkh"])
    made.draw_without_rendering()
    return made


@pytest.fixture(scope="module")
def strip():
    made = draw_strip("ml1", every_km=50)
    made.draw_without_rendering()
    return made


@pytest.fixture(scope="module")
def profile():
    made = draw_profile("kkh", every_km=10)
    made.draw_without_rendering()
    return made


@pytest.fixture(params=["overview", "strip", "profile"])
def figure(request):
    return request.getfixturevalue(request.param)


def test_letters_are_of_a_size_for_paper(figure):
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert len(texts) > 5
    for text in texts:
        assert 5 <= text.get_fontsize() <= 11, text
    titles = [figure._suptitle, *(axes._left_title for axes in figure.axes)]
    (title,) = [text for text in titles if text is not None and text.get_text()]
    assert title.get_fontsize() == max(text.get_fontsize() for text in texts)


def strokes(axes):
    """Yield each kind of stroke on axes: its colour, its points of width, and what has it."""
    for line in axes.lines:
        if line.get_linestyle() != "None":
            yield to_hex(line.get_color()), line.get_linewidth(), "line"
        if line.get_marker() not in ("None", None):
            yield "", line.get_markeredgewidth(), "mark"
            yield "", line.get_markersize() / 10, "size of a mark"
    for lines in axes.collections:
        if isinstance(lines, LineCollection):
            # Ties are dashes shorter than the line is wide.
            (_, dash), *_ = lines.get_linestyle()
            points = lines.get_linewidth()[0]
            is_tie = dash is not None and dash[0] < points
            yield to_hex(lines.get_color()[0]), points, "tie" if is_tie else "line"
    for row in [*axes.get_xgridlines(), *axes.get_ygridlines()]:
        yield "", row.get_linewidth(), "grid"


def test_corridors_are_wider_than_all_else_and_nothing_is_wider_than_their_ties(figure):
    seen = set()
    for axes in figure.axes:
        for color, points, what in strokes(axes):
            is_thing = color in KINDS and what == "line"
            seen.add(is_thing)
            low, high = (1.5, 3.2) if is_thing else (3.5, 4.5) if what == "tie" else (0.25, 1.0)
            assert low <= points <= high, (color, points, what)
    assert seen == (
        {False} if len(figure.axes) == 1 and not figure.axes[0].get_legend() else {False, True}
    )


def test_grounds_have_no_edges_and_are_filled_from_sea_level(strip, profile):
    for axes in (strip.axes[-1], profile.axes[0]):
        grounds = [one for one in axes.collections if isinstance(one, PolyCollection)]
        assert grounds
        for ground in grounds:
            assert ground.get_linewidth()[0] == 0
            assert ground.get_paths()[0].vertices[:, 1].min() == 0
        low, high = axes.get_ylim()
        top = max(np.nanmax(line.get_ydata()) for line in axes.lines)
        # A little air above the highest ground.
        assert low == 0
        assert 1.05 * top < high < 1.25 * top
        known = axes.lines[0].get_xdata()
        assert axes.get_xlim() == (known[0], known[-1])
    assert all(patch.get_linewidth() == 0 for patch in strip.axes[1].patches)


def test_what_matters_lies_above_what_it_lies_on(overview):
    """Land, Pakistan, rivers and boundaries, ties, lines, marks, names."""
    axes = overview.axes[0]
    land, home = sorted({p.get_zorder() for p in axes.patches if isinstance(p, PathPatch)})
    lines, ties, grounds = set(), set(), set()
    for one in axes.collections:
        color, width = to_hex(one.get_color()[0]), one.get_linewidth()[0]
        kind = grounds if color not in KINDS else ties if width > 3 else lines
        kind.add(one.get_zorder())
    marks = {line.get_zorder() for line in axes.lines}
    names = {text.get_zorder() for text in axes.texts}
    levels = [land, home, *map(min, (grounds, ties, lines, marks, names))]
    assert levels == sorted(set(levels))
    assert [len(some) for some in (grounds, ties, lines, marks, names)] == [1] * 5


def test_marks_of_an_overview_are_points_and_towns_are_smaller(overview):
    sizes = {to_hex(m.get_color()): m.get_markersize() for m in overview.axes[0].lines}
    towns = sizes.pop(to_hex(LOOKS["places"].color))
    assert 2 <= towns < min(sizes.values()) <= max(sizes.values()) <= 5


def test_a_strip_has_its_stops_on_its_line_and_its_key_below(strip):
    axes = strip.axes[0]
    line, *_ = [x for x in axes.lines if to_hex(x.get_color()) in KINDS]
    marks = [x for x in axes.lines if x.get_marker() == "o"]
    leaders = [x for x in axes.lines if same_color(x.get_color(), "#a39b8c")]
    assert marks
    assert leaders
    (level,) = set(line.get_ydata())
    assert {level} == {y for mark in marks for y in mark.get_ydata()}
    assert axes.get_ylim() == (0, 1)
    assert 0 < level < leaders[0].get_ydata()[0]
    assert leaders[0].get_zorder() < line.get_zorder() < marks[0].get_zorder()
    key = axes.get_legend().get_window_extent()
    low = axes.transData.transform((0, level))[1]
    assert key.y1 < low
    heights = [one.get_window_extent().height for one in strip.axes]
    # The names of stops need most room, the band of districts least.
    assert heights[1] < heights[2] < heights[0]
