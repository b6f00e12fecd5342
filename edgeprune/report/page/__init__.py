"""`report.json` and run records as one HTML page that needs nothing else: no network, no script.

    html.py      elements; every text is escaped on its way in
    svg.py       axes, scales and ticks           style.css   light, dark, paper; contrast at least 4.5:1
    bars.py scatter.py histogram.py heatmap.py lines.py        one kind of plot each
    trade.py     quality against a cost, by `scatter.py`
    outcome.py inside.py confusion.py                          sections on one bundle
    page.py      the page; `comparison.py` for several bundles

Bundles may come from anywhere: nothing from them becomes markup, a style or an address.
"""

from edgeprune.report.page.page import report_page, write_page, write_report
from edgeprune.report.page.subject import Subject, open_subjects

__all__ = ["Subject", "open_subjects", "report_page", "write_page", "write_report"]
