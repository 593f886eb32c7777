"""The page of `papilio explore` that is shipped was built from the sources in web/."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "papilio" / "explorer" / "static"
NOTICES = "onnxruntime-ThirdPartyNotices.txt"


def digest_of_sources() -> str:
    """What web/build.mjs computes: names and texts of all files that decide what is built, in the order of their paths."""
    files = [
        *(WEB / "src").rglob("*.*"),
        *(WEB / name for name in ("build.mjs", "package.json", "package-lock.json", "page.html")),
    ]
    named = sorted((path.relative_to(WEB).as_posix(), path) for path in files if path.is_file())
    total = hashlib.sha256()
    for name, path in named:
        total.update(f"{name}\n".encode())
        total.update(path.read_text(encoding="utf-8").encode())  # line ends are \n once read
    return total.hexdigest()


def test_the_page_is_built_from_these_sources() -> None:
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    found = re.search(r"sources: sha256 ([0-9a-f]{64})", page)
    assert found, "the built page does not say which sources it was built from"
    assert found[1] == digest_of_sources(), (
        "web/ has changed since the page was built: run make web, and commit what it writes"
    )


def test_the_page_is_one_file_with_one_place_for_its_data_and_keeps_the_notices() -> None:
    page = (STATIC / "page.html").read_text(encoding="utf-8")
    assert page.count(">BOOT<") == 1
    assert not re.search(r"""<(?:script|link)[^>]+(?:src|href)=["'](?!data:)""", page)
    assert "https://" not in re.sub(r"<!--.*?-->", "", page, count=1, flags=re.DOTALL)
    for package in ("preact", "@preact/signals", "gifenc"):
        assert re.search(rf"^{package} [\d.]+ \(MIT\)$", page, flags=re.MULTILINE), package


def test_the_licenses_of_all_that_is_contained_come_with_the_package() -> None:
    texts = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    for package in ("preact", "@preact/signals", "@preact/signals-core", "gifenc", "onnxruntime-web"):
        assert re.search(rf"^{package} [\d.]+ \(MIT\)$", texts, flags=re.MULTILINE), package
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license-files"]
    assert {ROOT / one for one in declared} >= {STATIC / "LICENSES.txt", STATIC / NOTICES}
    assert NOTICES in (STATIC / "ort.js").read_text(encoding="utf-8")
    (version,) = re.findall(r'"onnxruntime-web": "([\d.]+)"', (WEB / "package.json").read_text(encoding="utf-8"))
    assert f"onnxruntime-web {version} (MIT)" in texts


def test_the_lockfile_names_no_registry() -> None:
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    versions = re.findall(
        r'"(?:dependencies|devDependencies)": \{([^}]*)\}', (WEB / "package.json").read_text(encoding="utf-8")
    )
    for version in re.findall(r': "([^"]+)"', "".join(versions)):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{version} is not an exact version"
