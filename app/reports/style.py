"""The style sheet of a report: light, dark, narrow and on paper."""

STYLE = """
:root { color-scheme: light dark; --ground: #f3f5f4; --card: #fff; --sunken: #e9edeb;
  --ink: #17201c; --soft: #55615b; --line: #d8dedb; --strong: #7d8a84; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 28px; }
h1 { margin: 0; font-size: 26px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 16px; }
p { margin: 0; }
.match { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 4px;
  font-size: 15px; }
.soft { color: var(--soft); font-size: 13px; }
header .soft { margin-top: 6px; }
section { margin: 16px 0; padding: 16px; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; }
section > * + * { margin-top: 10px; }
.wide { overflow-x: auto; }
h2 + .soft { margin-top: 2px; }
.two { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr));
  column-gap: 16px; align-items: start; }
.two section { margin: 0; }
.two section + section { margin-top: 16px; }
footer { padding-block: 8px 32px; }
.series { color: var(--light); }
.shape { fill: none; stroke: currentColor; }
.solid, .tint { fill: currentColor; }
.tint { fill-opacity: .2; }
.lines { stroke: currentColor; stroke-width: 2.2; }
.event { stroke: currentColor; stroke-width: 2; fill: none; }
.hatches { position: absolute; }
.key { vertical-align: -2px; }
.chart { display: block; width: 100%; min-width: 640px; height: auto; }
.chart text { fill: var(--soft); font-size: 12px; }
.chart .name { fill: var(--ink); font-weight: 600; }
.chart .told, .chart .count { fill: var(--ink); }
.chart .told { text-anchor: middle; }
.chart .count { text-anchor: end; }
.chart .ground { fill: var(--sunken); fill-opacity: .6; }
.chart .base { stroke: var(--line); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
th { font-weight: 400; text-align: left; }
thead th, thead td { padding: 2px 8px 6px; color: var(--soft); font-size: 13px;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody th, tbody td { padding: 4px 8px; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
td.number { width: 1%; font-weight: 600; }
.bar-cell { min-width: 56px; padding-inline: 4px; }
.bar { display: block; width: 100%; height: 14px; overflow: visible; }
.facing .bar-cell { width: 28%; }
.facing tbody th { min-width: 9em; font-size: 13px; text-align: center; }
.facing thead th { color: var(--ink); font-weight: 600; }
.facing thead th ~ th { text-align: right; }
.facing td:first-child { text-align: left; }
.figures:not(.facing) tbody th { white-space: nowrap; }
.grid thead th { text-align: right; }
.grid .sum > * { font-weight: 600; }
.list tbody td { white-space: nowrap; }
.list tbody td:last-child { width: 60%; min-width: 260px; white-space: normal; }
.stills { display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
figure { margin: 0; break-inside: avoid; }
figure img { display: block; width: 100%; height: auto; background: var(--sunken);
  border-radius: 5px; }
figcaption { margin-top: 4px; font-size: 13px; }
figcaption b { font-variant-numeric: tabular-nums; }
@media (max-width: 800px) { .two { display: block; }
  .two > section { margin-top: 16px; }
  header, main, footer { padding-inline: 12px; }
  section { padding: 12px; } tbody th, tbody td { padding: 4px; }
  .facing tbody th { min-width: 6em; } .bar-cell { min-width: 32px; } }
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #101413; --card: #181e1b; --sunken: #0c100e; --ink: #e6ebe8;
    --soft: #9aa7a0; --line: #2b3430; --strong: #6f7d76; }
  .series { color: var(--dark); } }
@media print { @page { margin: 14mm; }
  :root { color-scheme: light; --ground: #fff; --ink: #000; --soft: #333;
    --line: #bbb; }
  body { font-size: 11px; } header, main, footer { max-width: none; padding: 0; }
  section { padding: 0 0 3mm; border: 0; border-bottom: 1px solid var(--line);
    border-radius: 0; break-inside: avoid; }
  section.long { break-inside: auto; } h2 { break-after: avoid; }
  tr { break-inside: avoid; } thead { display: table-header-group; }
  .two { display: block; } .wide { overflow: visible; } .chart { min-width: 0; }
  .stills { grid-template-columns: repeat(3, 1fr); } }
"""
