import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.api.servers import server


def test_the_page_loads_its_own_files_alone(modelless: TestClient) -> None:
    page = modelless.get("/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert modelless.get(f"/{path}").status_code == 200, path


def test_nothing_else_of_the_package_is_served(modelless: TestClient) -> None:
    paths = ("/docs/redoc.standalone.js", "/docs/..%2f__init__.py", "/redoc")
    assert [modelless.get(path).status_code for path in paths] == [422, 404, 404]


@pytest.mark.needs("browser")
def test_a_browser_shows_every_operation_and_asks_nobody_else(tmp_path: Path, browser: Any) -> None:
    said: list[str] = []
    hosts: set[str | None] = set()
    with server(tmp_path / "home") as running:
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.goto(f"{running.url}/docs")
        page.get_by_text("/predict/batch", exact=True).wait_for()
        assert page.locator(".opblock").count() >= 18
        page.close()
    assert said == []
    assert hosts <= {"127.0.0.1", None}
