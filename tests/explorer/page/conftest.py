from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mock_server import make_app

from browser import SIDE, served

NUM = 3000


@pytest.fixture(scope="session")
def mock() -> Any:
    return make_app(NUM)


@pytest.fixture(scope="session")
def address(mock: Any) -> Iterator[str]:
    with served(mock) as where:
        yield where


@pytest.fixture
def opened(browser: Any, address: str, mock: Any) -> Iterator[Any]:
    """Opens the page in a fresh context: `opened(color_scheme="dark")`; an error in the page's script fails the test."""
    contexts, errors = [], []
    mock.state.fail.clear()

    def open_page(url: str = address, **options: Any) -> Any:
        context = browser.new_context(
            **{"viewport": SIDE, "accept_downloads": True, "reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        context.set_default_timeout(30_000)  # where other tests run at the same time
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.locator("#map .marks").wait_for(state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
