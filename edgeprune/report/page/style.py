"""The page's style sheet: light, dark, paper. Every colour pair was chosen for at least 4.5:1."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--paper:#fff;--card:#f6f8fa;--ink:#1b2430;--soft:#53606f;--line:#d5dce4;
--base:#5f6b7a;--pruned:#a84d00;--deployed:#0a6c74;--accent:#0a6c74;--warn-bg:#fff4dc;--warn:#6b4300;
--good:#0b6b3a;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--paper:#10161d;--card:#182029;--ink:#e8edf2;--soft:#a3b0bd;
--line:#33404d;--base:#a8b4c0;--pruned:#f3a04b;--deployed:#4fc6cf;--accent:#4fc6cf;--warn-bg:#33290f;
--warn:#f6d795;--good:#6fd69b;--bad:#ff9c93}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h1{font-size:2rem;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.35rem;margin:56px 0 12px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:28px 0 8px}
p{margin:0 0 12px;max-width:75ch}
.lead{color:var(--soft);font-size:1.05rem;overflow-wrap:anywhere}
a{color:var(--accent)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible,pre:focus-visible{outline:3px solid var(--accent);
outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999em}
.skip:focus{left:16px;top:8px;background:var(--paper);padding:8px 12px;z-index:1}
header{margin-bottom:24px}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:20px 0 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:14px;margin:20px 0;padding:0;
list-style:none}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tiles .what{display:block;color:var(--soft);font-size:.875rem}
.tiles .big{display:block;font-size:1.7rem;font-weight:650;line-height:1.25;letter-spacing:-.02em}
.tiles .from{display:block;color:var(--soft);font-size:.875rem;font-variant-numeric:tabular-nums}
.note{background:var(--warn-bg);color:var(--warn);border-radius:8px;padding:10px 14px;margin:0 0 10px;
overflow-wrap:anywhere;max-width:none}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:20px}
figure{margin:0 0 20px;padding:16px;background:var(--card);border:1px solid var(--line);border-radius:10px;
min-width:0}
.plots figure{margin:0}
.plots .note{margin-top:10px}
.settings{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:0 24px;margin:0 0 20px}
.settings div{display:flex;justify-content:space-between;gap:12px;border-bottom:1px solid var(--line);
padding:5px 0;min-width:0}
.settings dt{color:var(--soft)}
.settings dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
figcaption{color:var(--soft);font-size:.9rem;margin-top:8px}
svg{display:block;width:100%;height:auto;max-width:660px;margin:0 auto;
font:12px system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans",sans-serif}
svg text{fill:var(--ink)}
svg .tick{fill:var(--soft);font-variant-numeric:tabular-nums}
svg .name{fill:var(--soft);font-weight:600}
svg .strong{font-weight:650;paint-order:stroke;stroke:var(--card);stroke-width:3px}
svg .grid{stroke:var(--line);stroke-width:1}
svg .axis{stroke:var(--soft);stroke-width:1}
svg .way{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:4 4;fill:none}
svg .front{stroke:var(--deployed);stroke-width:2;fill:none}
svg .baseline{fill:var(--base);stroke:var(--base)}
svg .pruned{fill:var(--pruned);stroke:var(--pruned)}
svg .deployed{fill:var(--deployed);stroke:var(--deployed)}
svg .halo{stroke:var(--card);stroke-width:2}
svg .ghost{fill:var(--base);fill-opacity:.22;stroke:var(--base);stroke-width:1}
svg .cell{fill:var(--accent);stroke:none}
svg .wrong{fill:var(--pruned);stroke:none}
svg .on-cell{fill:var(--card)}
svg polyline{fill:none;stroke-width:2}
svg polyline.deployed,svg polyline.pruned,svg polyline.baseline{fill:none}
svg .mark{stroke:var(--pruned);stroke-width:1.5;stroke-dasharray:5 3}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 12px;padding:0;list-style:none;color:var(--soft);
font-size:.9rem}
.legend svg{display:inline-block;margin:0;width:14px;height:14px;vertical-align:-2px;margin-right:6px}
.scroll{overflow-x:auto;margin:0 0 16px}
table{border-collapse:collapse;font-size:.925rem;width:100%}
caption{text-align:left;color:var(--soft);font-size:.9rem;padding:0 0 6px}
th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
overflow-wrap:break-word}
thead th{color:var(--soft);font-weight:600}
tbody th{font-weight:500;min-width:8em;max-width:24em}
td{max-width:42em}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding:6px 0 6px 16px}
details{margin:10px 0 0}
summary{cursor:pointer;color:var(--accent);font-size:.9rem}
.bundle>summary{font-size:1.2rem;font-weight:650;padding:10px 0;overflow-wrap:anywhere}
details .scroll{margin-top:10px}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;overflow-x:auto;
font:.875rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:.875rem;padding:40px 24px 48px}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media print{
:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--base:#5f6b7a;
--pruned:#a84d00;--deployed:#0a6c74;--accent:#0a6c74;--warn-bg:#fff;--warn:#000}
@page{margin:16mm}
body{font-size:10.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
header,main,footer{max-width:none;padding:0}
nav,.skip,figure details{display:none}
h2{margin-top:24pt}
h2,h3,caption,.legend{break-after:avoid}
figure,.tiles li,tr{break-inside:avoid}
.scroll{overflow:visible}
.plots{grid-template-columns:1fr 1fr}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
.note{border:1px solid #000}
}
"""
