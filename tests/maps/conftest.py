"""A real browser without a network; anything it complains of fails the test."""

from pathlib import Path

import pytest

SMALL_VIEW = {"width": 1200, "height": 800}


class Visitor:
    """Opens pages, and keeps their requests and the errors that the browser reports."""

    def __init__(self, browser):
        self.browser = browser
        self.contexts = []
        self.trouble = []

    def open(self, path, *, view=None, fragment="", **context):
        made = self.browser.new_context(viewport=view or SMALL_VIEW, offline=True, **context)
        self.contexts.append(made)
        address = Path(path).resolve().as_uri()
        made.route("**/*", lambda route: self._judge(route, address))
        page = made.new_page()
        page.set_default_timeout(8_000)
        page.on("pageerror", lambda error: self.trouble.append(f"page error: {error}"))
        page.on("console", self._listen)
        page.on("dialog", self._dialog)
        page.goto(address + fragment, timeout=60_000)
        page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        return page

    def _judge(self, route, address):
        url = route.request.url
        if url.split("#")[0] == address or url.startswith(("data:", "blob:")):
            route.continue_()
            return
        self.trouble.append(f"request: {url}")
        route.abort()

    def _listen(self, message):
        if message.type in {"error", "warning"}:
            self.trouble.append(f"console {message.type}: {message.text}")

    def _dialog(self, dialog):
        self.trouble.append(f"a script ran: {dialog.message}")
        dialog.dismiss()

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def visit(chromium):
    visitor = Visitor(chromium)
    yield visitor.open
    visitor.close()
    assert visitor.trouble == []


@pytest.fixture(scope="session")
def cpec():
    from cpecgeo.maps import cpec_map

    return cpec_map()


@pytest.fixture(scope="session")
def cpec_file(cpec, tmp_path_factory):
    return cpec.save(tmp_path_factory.mktemp("map") / "cpec.html")


MAP = "Object.values(window).find(v => v instanceof L.Map && v.cpec)"


@pytest.fixture
def settled():
    """Waits until the map is still and its labels are placed."""

    def wait(page):
        page.wait_for_timeout(400)

    return wait
