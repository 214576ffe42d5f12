"""Write ``docs/traps.md``."""

from .traps import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
