"""Figures: scales, labels and escaping."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.report.figures import (
    SIZE,
    WIDTH,
    Bar,
    Line,
    Mark,
    Step,
    bar_chart,
    fit,
    flow,
    line_chart,
    linear_ticks,
    log_ticks,
    share_bar,
    spread,
    text_width,
    thin,
    two_lines,
)  # fmt: skip

SVG = "{http://www.w3.org/2000/svg}"
finite = st.floats(-1e9, 1e9, allow_nan=False)


def chart(lines: list[Line], **more: object) -> ElementTree.Element:
    words = {
        "title": "T",
        "description": "D",
        "x_label": "x",
        "y_label": "y",
        "x_format": str,
        "y_format": lambda value: f"{value:.2f}",
    }
    return ElementTree.fromstring(line_chart(lines, **{**words, **more}))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.floats(1, 1e9), finite), min_size=1, max_size=40), st.booleans(), st.text(max_size=30))
def test_line_chart_is_xml_and_stays_in_its_frame(points: list[tuple[float, float]], log: bool, name: str) -> None:
    ordered = tuple(sorted(dict(points).items()))
    root = chart(
        [Line(name, ordered, tuple((x, y - 1, y + 1) for x, y in ordered))],
        log_x=log,
        mark=Mark(ordered[0][0], "here", ordered[0][1]),
    )
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for line in root.iter(f"{SVG}polyline"):
        for x, y in (tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()):
            assert -0.1 <= x <= width + 0.1
            assert -0.1 <= y <= height + 0.1


def test_log_axis_puts_equal_ratios_equally_far() -> None:
    root = chart([Line("a", ((100, 0.5), (1000, 0.6), (10_000, 0.7)))], log_x=True)
    line = root.find(f"{SVG}polyline")
    assert line is not None
    xs = [float(pair.split(",")[0]) for pair in line.attrib["points"].split()]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)


def test_higher_values_stand_higher_and_numbers_stand_at_the_ends() -> None:
    root = chart([Line("up", ((1, 1.0), (2, 2.0)), tone=1, end="2.00")])
    line = root.find(f"{SVG}polyline")
    assert line is not None
    ys = [float(pair.split(",")[1]) for pair in line.attrib["points"].split()]
    assert ys[1] < ys[0]
    assert "up 2.00" in ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def test_figures_have_title_and_description_and_escape_words() -> None:
    hostile = "<b>&\"'\x00"
    for figure in (
        bar_chart([Bar(hostile, 0.5, hostile, (0.4, 0.6))], title=hostile, description=hostile, heading=hostile),
        flow(
            [Step(hostile, 0, 10, "10", "all"), Step("b", 10, 4, "−6", "gone"), Step("c", 0, 4, "4", "kept")],
            title=hostile,
            description="d",
        ),
        share_bar([(3, 1), (1, 2)], title=hostile, description="d"),
        line_chart(
            [Line(hostile, ((1, 1), (2, 2)))],
            title=hostile,
            description="d",
            x_label=hostile,
            y_label=hostile,
            x_format=str,
            y_format=str,
        ),
    ):
        root = ElementTree.fromstring(figure)
        assert root.attrib["role"] == "img"
        assert [node.tag for node in root][:2] == [f"{SVG}title", f"{SVG}desc"]
        assert "".join(root[0].itertext()) == "<b>&\"' "


def test_text_is_readable_on_a_phone() -> None:
    figure = bar_chart([Bar("模型", 0.5, "0.5")], title="t", description="d")
    phone = 343 / WIDTH  # a column of 343 px on a screen of 375
    assert all(float(size) * phone >= 11 for size in re.findall(r'font-size="([\d.]+)"', figure))


def test_bars_begin_at_zero_and_keep_proportion() -> None:
    root = ElementTree.fromstring(bar_chart([Bar("a", 1.0, "1"), Bar("b", 0.25, "¼")], title="t", description="d"))
    widths = [float(node.attrib["width"]) for node in root.iter(f"{SVG}rect")][1::2]
    assert widths[1] == pytest.approx(widths[0] / 4, abs=0.1)


@given(st.lists(finite, min_size=1, max_size=12))
def test_spread_keeps_order_and_distance(places: list[float]) -> None:
    found = spread(places, [10.0] * len(places), 0.0, 1000.0)
    ordered = sorted(found)
    assert all(after - before >= 10.0 - 1e-6 for before, after in pairwise(ordered))
    assert all(-1e-6 <= place <= 1000.0 + 1e-6 for place in found)


@given(st.lists(st.tuples(finite, finite), min_size=3, max_size=700))
def test_thin_keeps_ends_and_bounds(points: list[tuple[float, float]]) -> None:
    found = thin(points, 50)
    assert len(found) <= 50 or len(points) <= 50
    assert (found[0], found[-1]) == (points[0], points[-1])
    assert min(y for _, y in points) - 1e-3 <= min(y for _, y in found)


def test_ticks() -> None:
    assert linear_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert log_ticks(100, 10_000) == [100, 1000, 10_000] or log_ticks(100, 2000) == [100, 200, 500, 1000, 2000]
    assert linear_ticks(3, 3) == [3]


def test_words_fit() -> None:
    assert text_width("汉字") == 2 * SIZE
    assert text_width(fit("字" * 40, 100)) <= 100
    assert two_lines("sentiment-scratch", "0.78", 100) == ["sentiment-", "scratch 0.78"]
    assert two_lines("gpt", "3.1", 100) == ["gpt 3.1"]
    assert two_lines("w" * 50, "0.5", 100)[-1] == "0.5"


def test_empty_figures_are_nothing() -> None:
    assert (
        bar_chart([], title="t", description="d")
        == flow([], title="t", description="d")
        == share_bar([], title="t", description="d")
        == ""
    )
    assert line_chart([Line("a", ())], title="t", description="d", x_label="", y_label="", x_format=str, y_format=str) == ""
