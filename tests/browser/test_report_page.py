"""The report in headless Chromium, from a file: no error, every plot drawn, every class there, at any width.

The browser is Debian's `chromium`; `CHROMIUM` names another one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sweeping

from synthem.report import report
from synthem.sweep import carry_out

CLASSES = ("axon", "mitochondrion", "mitochondrial_boundary", "psd", "vesicle", "membrane")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        message = "no browser: install Debian's chromium, or name one with CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=switches)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    options = {"focus": "mitochondrion", "confusion": ["axon", "psd"]}
    more: dict[str, Any] = {"training": {"snapshots": [0.5, 1]}, "also": ["training", "validation"]}
    plan = sweeping.plan(
        sweeping.layers(folder / "real"), folder / "sweep", report=options, title="A <study> & more", **more
    )
    carry_out(plan)
    return report([plan.folder], folder / "moved" / "report.html")


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    opened = context.new_page()
    opened.troubles = []
    opened.on("console", lambda message: opened.troubles.append(message.text))
    opened.on("pageerror", lambda error: opened.troubles.append(str(error)))
    opened.on("requestfailed", lambda request: opened.troubles.append(request.url))
    opened.goto(page_file.as_uri())
    opened.wait_for_load_state()
    yield opened
    context.close()


def test_it_loads_without_a_word_from_the_console(page: Any) -> None:
    assert page.troubles == []
    assert page.title() == "A <study> & more"
    assert page.evaluate("document.compatMode") == "CSS1Compat"


def test_every_plot_and_picture_is_drawn(page: Any) -> None:
    drawn = page.evaluate("[...document.images].map(i => [i.alt, i.complete, i.naturalWidth, i.clientWidth])")
    assert len(drawn) >= 2 * len(CLASSES) + 3
    for words, complete, natural, shown in drawn:
        assert words
        assert complete
        assert natural > 50, words
        assert shown > 50, words
    plots = page.evaluate("[...document.querySelectorAll('figure.plot')].map(f => f.id)")
    assert {f"dice-{name}" for name in CLASSES} <= set(plots)
    assert {f"dice-share-{name}" for name in CLASSES} <= set(plots)


def test_plots_are_not_blank(page: Any) -> None:
    """The picture of each plot, as the browser draws it, holds more than its ground."""
    code = """async () => {
        const found = {};
        for (const figure of document.querySelectorAll('figure.plot')) {
            const image = figure.querySelector('img');
            const canvas = document.createElement('canvas');
            canvas.width = 200; canvas.height = 150;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0, 200, 150);
            const data = context.getImageData(0, 0, 200, 150).data;
            let coloured = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (Math.max(data[i], data[i+1], data[i+2]) - Math.min(data[i], data[i+1], data[i+2]) > 40) coloured++;
            }
            found[figure.id] = coloured;
        }
        return found;
    }"""
    coloured = page.evaluate(code)
    assert all(pixels > 10 for name, pixels in coloured.items() if name.startswith("dice-")), coloured


def test_every_class_has_its_rows_of_numbers(page: Any) -> None:
    for name in CLASSES:
        rows = page.evaluate(f"[...document.querySelectorAll('tr[data-class={name}]')].map(r => r.innerText)")
        assert len(rows) == 2
        assert all(any(sign.isdigit() for sign in row) for row in rows)


def test_links_lead_to_sections(page: Any) -> None:
    targets = page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")
    assert len(targets) >= 7
    assert page.evaluate("targets => targets.every(t => document.querySelector(t))", targets)
    assert page.evaluate("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == page.evaluate(
        "document.querySelectorAll('[id]').length"
    )


@pytest.mark.parametrize("width", [360, 800, 1920])
def test_nothing_hangs_over_the_edge(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints(page: Any, tmp_path: Path) -> None:
    page.pdf(path=str(tmp_path / "page.pdf"))
    assert (tmp_path / "page.pdf").read_bytes()[:4] == b"%PDF"
