"""The Chinese font: where it lies, and the few glyphs of it that a page carries with it.

A page that may load nothing from outside shows boxes where the reader's machine has no Chinese
font; so it brings its own glyphs, which the browser takes where no font of the system has them.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

CARRIED = ("noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc")
"""The package whose only content is the font, and its file (SIL Open Font License)."""
FACE = "art4 Han"
"""What style sheets call the carried glyphs; last in their list of fonts."""
SIMPLIFIED = 2
"""The face for simplified Chinese, among the five of the file."""
_DROPPED = ["BASE", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]
"""Tables for other directions and other forms, which a page of plain text does without."""


def carried() -> Path | None:
    """Returns the font's file, or None where its package is not installed."""
    package, file = CARRIED
    found = find_spec(package)
    folders = found.submodule_search_locations if found else None
    places = (Path(folder) / file for folder in folders or ())
    return next((place for place in places if place.is_file()), None)


def embed(page: str) -> str:
    """Puts the glyphs of a page's Chinese characters into its style sheet."""
    path = carried()
    if path is None:
        return page
    glyphs = _subset(path, frozenset(ord(c) for c in page if c > "\u2e7f"))
    source = f"url(data:font/woff;base64,{base64.b64encode(glyphs).decode()})"
    face = f'@font-face{{font-family:"{FACE}";src:{source} format("woff")}}\n'
    return page.replace("</style>", f"{face}</style>", 1)


@lru_cache(8)
def _subset(path: Path, signs: frozenset[int]) -> bytes:
    """Returns a WOFF file with the signs that the font has, the same bytes each time."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    options = Options(layout_features=[], hinting=False, desubroutinize=True, name_IDs=[])
    options.drop_tables += _DROPPED
    with TTFont(path, fontNumber=SIMPLIFIED, lazy=True, recalcTimestamp=False) as font:
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=sorted(signs))
        subsetter.subset(font)
        font.flavor, written = "woff", io.BytesIO()
        font.save(written)
    return written.getvalue()
