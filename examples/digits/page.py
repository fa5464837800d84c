"""The page's text and looks. It is Python, so that a changed page is a changed task and is drawn anew."""
# ruff: noqa: E501, RUF001  HTML and CSS have their own line lengths, and a page may use the real multiplication sign

from string import Template

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Handwritten digits: ${best} reads best</title>
<style>
:root { --ink:#1b2432; --soft:#5d6b82; --line:#e6eaf2; --paper:#fff; --back:#f5f7fb; --accent:#2f6fed; --pale:#d6e4ff; --warm:#e5532d }
* { box-sizing:border-box }
body { margin:0; background:var(--back); color:var(--ink); font:16px/1.55 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
main { max-width:1040px; margin:0 auto; padding:56px 24px 72px }
h1 { font-size:40px; line-height:1.15; letter-spacing:-.022em; margin:0 0 12px; font-weight:700 }
h2 { font-size:20px; letter-spacing:-.01em; margin:0 0 4px }
p { margin:0; color:var(--soft) }
.lead { font-size:18px; max-width:44em }
.facts { display:grid; grid-template-columns:repeat(4,1fr); gap:16px; margin:32px 0 }
.fact, section { background:var(--paper); border:1px solid var(--line); border-radius:14px; box-shadow:0 1px 2px #1b24320a }
.fact { padding:18px 20px } .fact b { display:block; font-size:30px; letter-spacing:-.02em; line-height:1.2 }
.fact.first { background:var(--accent); border-color:var(--accent) } .fact.first b, .fact.first span { color:#fff }
.fact span { color:var(--soft); font-size:14px }
section { padding:28px; margin-top:20px }
table { width:100%; border-collapse:collapse; margin-top:18px; font-variant-numeric:tabular-nums }
th { text-align:left; font-size:13px; font-weight:500; color:var(--soft); padding:0 12px 8px 0 }
td { padding:13px 12px 13px 0; border-top:1px solid var(--line); white-space:nowrap }
td:first-child { color:var(--soft); width:2em } td.name { font-weight:600 } tr:first-child td.name { color:var(--accent) }
.number { text-align:right } .number small { color:var(--soft) }
td.wide, th.wide { width:44%; padding-left:20px }
.axis { display:flex; justify-content:space-between }
.bar { position:relative; height:14px; border-radius:7px; background:var(--back) }
.bar u { position:absolute; inset:0 auto 0 0; border-radius:7px; background:var(--pale) }
.bar i { position:absolute; top:3px; width:8px; height:8px; margin-left:-4px; border-radius:50%; background:var(--accent); opacity:.8 }
.time { display:inline-block; vertical-align:middle; width:64px; height:6px; border-radius:3px; background:var(--back); margin-left:10px }
.time u { display:block; height:100%; border-radius:3px; background:#9fb0cc; min-width:2px }
.two { display:grid; grid-template-columns:minmax(0,1.15fr) minmax(0,1fr); gap:20px }
.two img.matrix { width:100%; margin-top:12px; display:block }
.pairs { display:flex; flex-direction:column; gap:10px; margin:20px 0 0 }
.pair { display:flex; align-items:center; gap:14px; padding:12px 16px; background:var(--back); border-radius:10px }
.pair b { font-size:24px; line-height:1.2; white-space:nowrap } .pair b em { font-size:15px; font-weight:400; font-style:normal; color:var(--soft); padding:0 5px }
.pair div { display:flex; flex:1; justify-content:flex-end; gap:6px } .pair img { width:40px; height:40px; image-rendering:pixelated; border-radius:6px; border:1px solid var(--line) }
.pair span { color:var(--warm); font-weight:600; white-space:nowrap; min-width:2.2em; text-align:right }
.mistakes { display:grid; grid-template-columns:repeat(auto-fill,minmax(92px,1fr)); gap:14px; margin-top:20px }
figure { margin:0; text-align:center } figure img { width:100%; image-rendering:pixelated; border-radius:10px; border:1px solid var(--line) }
figcaption { font-size:13px; color:var(--soft); margin-top:4px } figcaption b { color:var(--ink) } figcaption i { color:var(--warm); font-style:normal; font-weight:600 }
footer { margin-top:28px; font-size:14px; color:var(--soft) }
@media (max-width:760px) { .facts, .two { grid-template-columns:1fr 1fr } .two { grid-template-columns:1fr } h1 { font-size:30px } th.wide, td.wide { display:none } }
</style>
<main>
<h1>${best} reads best</h1>
<p class="lead">${models} models learned to read ${images} handwritten digits. Each image was read once by every model,
in one of ${folds} rounds in which it was held out of the learning.</p>
<div class="facts">
<div class="fact first"><b>${accuracy} %</b><span>read right by the best</span></div>
<div class="fact"><b>${right}</b><span>of ${images} images right</span></div>
<div class="fact"><b>${wrong}</b><span>images wrong</span></div>
<div class="fact"><b>${fits}</b><span>fits: ${models} models × ${folds} folds</span></div>
</div>
<section>
<h2>Models</h2>
<p>Accuracy in percent: mean and standard deviation over the folds. Each dot is one fold.</p>
<table>
<thead><tr><th></th><th>model</th><th class="number">accuracy</th><th class="wide"><div class="axis">${axis}</div></th><th class="number">time to fit</th></tr></thead>
<tbody>${rows}</tbody>
</table>
</section>
<div class="two">
<section>
<h2>What was taken for what</h2>
<p>${best}, every image while it was held out.</p>
<img class="matrix" alt="Confusion matrix: rows are the digits written, columns what the model read" src="${confusion}">
</section>
<section>
<h2>Most confused</h2>
<p>Pairs of digits, one taken for the other.</p>
<div class="pairs">${pairs}</div>
</section>
</div>
<section>
<h2>Every mistake</h2>
<p>The ${wrong} images that the best model read wrong, as it saw them: 8 × 8 pixels. Would you have known?</p>
<div class="mistakes">${mistakes}</div>
</section>
<footer>Data: the test part of “Optical Recognition of Handwritten Digits” (E. Alpaydin and C. Kaynak, UCI), as it ships with scikit-learn.</footer>
</main>
</html>
""")

ROW = Template("""<tr><td>${place}</td><td class="name">${name}</td>
<td class="number">${accuracy} <small>± ${spread}</small></td>
<td class="wide"><div class="bar"><u style="width:${bar}"></u>${dots}</div></td>
<td class="number">${seconds}<span class="time"><u style="width:${share}"></u></span></td></tr>
""")

PAIR = Template('<div class="pair"><b>${one}<em>and</em>${other}</b><div>${shown}</div><span>${count} ×</span></div>')

MISTAKE = Template(
    '<figure><img alt="a ${label} read as ${read}" src="${image}">'
    "<figcaption>a <b>${label}</b>, read as <i>${read}</i></figcaption></figure>"
)
