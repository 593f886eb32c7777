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
def opened(opened_at: Any, address: str, mock: Any) -> Any:
    """Opens the mock's page: `opened(color_scheme="dark")`."""
    mock.state.fail.clear()
    return lambda url=address, **options: opened_at(url, **options)


@pytest.fixture
def opened_at(browser: Any) -> Iterator[Any]:
    """Opens a page at an address in a fresh context; an error in the page's script fails the test."""
    contexts, errors = [], []

    def open_page(url: str, **options: Any) -> Any:
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
