"""Writes the report of a study that is being trained, once: `python -m papilio.sections.live DIR`.

Unlike `papilio report` it computes no analyses, and it leaves the figures of an earlier report where they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

from papilio.errors import PapilioError
from papilio.results.reading import read_results
from papilio.sections.page import write_report


def main(folder: str) -> int:
    """Write DIR/report.html, which says how far the study is, and loads itself again; the exit status."""
    try:
        write_report(read_results(Path(folder)), is_live=True)
    except PapilioError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
