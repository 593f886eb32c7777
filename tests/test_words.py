"""What users read is in the words of docs/words.md: the package, its page, bundled studies, README and docs."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXEMPT = {"words.md", "log.md"}  # the table itself, and what was written at its time
UNITS = (
    "step|side|image|pixel|run|epoch|layer|latent|class|batch|stage|core|metric|panel|value|trial|worker|picture|line|key|pair"
    "|coordinate|second|round|study|set"
)
COUNTED = (
    "one|[Rr]ows?|[Ll]ines?|[Cc]olumns?|nats|pixels|numbers?|pictures|seconds|[Ss]teps?|[Ii]mages|[Tt]hreads?|[Ww]orkers?"
    "|outputs?|dots?|arrays?|texts?|dictionary|experiments?|epochs|ms|MFLOP|MB|bytes|frames?|draws?|places?|several"
)
LEFT = {
    "American spelling": r"(?i)\b\w*(?:initialis|regularis|standardis|optimis(?!t)|normalis|maximis|minimis)\w*"
    r"|(?i:\b\w*(?:organis|recognis|summaris)\w*)|\b[Cc]olour\w*|\b[Gg]rey\w*|\b[Cc]entre\w*|\b[Nn]eighbour\w*|\b[Bb]ehaviour\w*|\b[Ll]abelled\b|\b[Ll]icence\w*",
    "95%": r"\d %(?!\w)",
    "per": rf"\b(?:{COUNTED})(?:\{{\}})? an? (?:{UNITS})\b(?! of\b| that\b| has\b| is\b)",
    "unknown": r"\b(?:name|setting|one)s? that (?:is|are) none\b",
    "is missing": r"\b(?:is|are|were) not there\b",
    "is listed twice": r"\b(?:is|are) there twice\b",
    "fix": r"\b[Mm]end(?:s|ed)?\b",
    "should": r"\bshall\b",
    "leave out": r"\b[Ll]eave \w+ away\b",
    "included by default": r"\bwithout being asked for\b",
    "continue": r"\b(?:goes|going|went|gone) on\b|\bto go on\b",
    "run again": r"\b[Gg]ive the same command\b|\bsame command goes\b",
    "recreate": r"\b(?:makes|made) (?:it|them)? ?again\b(?! of)|\banew\b",
    "choose": r"\b[Tt]ake another\b",
    "using": r"\btaking (?:runs|\{)",
    "next to": r"\b[Bb]eside\b",
    "pruned": r"\bcut early\b",
    "predicted as": r"\b(?:is|are) taken for (?:which|what|each)\b|\btaken for \{",
    "rotated": r"\bturned (?:views|pictures)\b",
    "loss as a function of the error": r"\bmakes? (?:a )?mistakes? cost\b",
    "outputs": r"\bputs? out\b",
    "compared with": r"\bheld against\b",
    "on average": r"\bin the mean\b",
    "around": r"\b(?:other|short) way round\b",
    "plain": r"\bwhence\b|\bfor ever\b|\bthereof\b|\bhitherto\b",
    "is not a": r"\b(?:it|this|that|which) is no (?!longer\b|more\b|other\b|further\b|wider\b|such\b)\w+",
    "say": r"= \w+, say\b",
    "terms": r"\blooking at the best runs\b|\bpicked by these same numbers\b|\bwent on alone\b|\blie above the axis\b",
}
# what keeps its spelling: names in files of earlier versions, and a trial of a bundled study
KEPT = re.compile(r"`[^`]*`|https?://\S+|papilio\.[\w.:]+|\boptimiser-")


def refused(text: str) -> list[str]:
    """The words that are left, each with what stands around it."""
    plain = KEPT.sub(" ", text)
    return [
        f"{name}: ...{plain[max(found.start() - 30, 0) : found.end() + 30]}..."
        for name, pattern in LEFT.items()
        for found in re.finditer(pattern, " ".join(plain.split()) if "\n" in plain else plain)
    ]


def strings(file: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module that is a phrase, with its line; the parts of f-strings joined by {}."""
    tree = ast.parse(file.read_text())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def prose(study: str) -> list[str]:
    """A study file's title and description, and its comments, of which lines that follow each other are one."""
    tables = tomllib.loads(study)
    rest = re.sub(r'""".*?"""|"[^"\n]*"', '""', study, flags=re.DOTALL)
    comments = re.sub(r"^#(.*)\n(?=#)", r"#\1", rest, flags=re.MULTILINE)  # the next # is taken out with the others
    found = [" ".join(line.partition("#")[2].replace("#", " ").split()) for line in comments.splitlines()]
    return [tables["title"], tables.get("description", ""), *(one for one in found if one)]


def modules() -> list[Path]:
    files = sorted((ROOT / "src" / "papilio").rglob("*.py"))
    return [file for file in files if file.name != "spelling.py"]  # it has both spellings


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT / "src")))
def test_strings_are_in_our_words(file: Path) -> None:
    phrases = [(line, text) for line, text in strings(file) if text.strip().count(" ") >= 1]
    assert [f"line {line}: {one}" for line, text in phrases for one in refused(text)] == []


@pytest.mark.parametrize("file", [file for file in DOCS if file.name not in EXEMPT], ids=lambda file: file.name)
def test_docs_are_in_our_words(file: Path) -> None:
    text = re.sub(r"```.*?```", " ", file.read_text(), flags=re.DOTALL)
    assert [one for paragraph in text.split("\n\n") for one in refused(paragraph)] == []


@pytest.mark.parametrize("file", sorted((ROOT / "src/papilio/recipes").glob("*.toml")), ids=lambda file: file.stem)
def test_bundled_studies_are_in_our_words(file: Path) -> None:
    assert [one for text in prose(file.read_text()) for one in refused(text)] == []


def test_the_prose_of_a_study_is_its_title_description_and_comments_and_no_name() -> None:
    study = '''title = "Clocks"
description = """
Clocks of # kinds
and sizes."""

# it went
# on
[[stage]]
name = "turned pictures # 1"  # by hand
'''
    assert prose(study) == ["Clocks", "Clocks of # kinds\nand sizes.", "it went on", "by hand"]
    assert refused(prose(study)[2]) != []


@pytest.mark.parametrize(
    "file", sorted((ROOT / "src/papilio/sections/templates").glob("*.j2")), ids=lambda file: file.name
)
def test_templates_are_in_our_words(file: Path) -> None:
    assert refused(re.sub(r"<[^>]*>|\{[%{].*?[%}]\}", " ", file.read_text(), flags=re.DOTALL)) == []


@pytest.mark.parametrize(
    "file", sorted((ROOT / "web/src").rglob("*.js*")), ids=lambda file: str(file.relative_to(ROOT / "web/src"))
)
def test_the_page_of_the_explorer_is_in_our_words(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert [f"line {num}: {one}" for num, line in enumerate(lines, start=1) for one in refused(line)] == []


@pytest.mark.parametrize(
    "text",
    [
        "the initialiser of colours",
        "a 95 % interval",
        "one row a run",
        "{} step{} an epoch",
        "Threads a worker",
        "(a row a picture)",
        "digits: taking runs/first-seed0",
        "SettingError for a name that is none",
        "the file is not there",
        "set size = 28, say",
        "mend the cause and give the same command again",
        "the study goes on",
        "numbers beside ours",
        "which shirt is taken for which coat",
        "it is no picture",
    ],
)
def test_words_that_were_left_are_refused(text: str) -> None:
    assert refused(text) != []


def test_plain_sentences_pass() -> None:
    for text in (
        "Run the same command to continue.",
        "The initializer and 95% intervals, one row per run.",
        "there is no file",
    ):
        assert refused(text) == []
