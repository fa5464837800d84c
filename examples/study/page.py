"""How the report looks: a page that needs no other file."""
# ruff: noqa: E501  HTML and CSS have their own line lengths

from string import Template

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A population, year after year</title>
<style>
body { margin:0; background:#f5f7fb; color:#1b2432; font:16px/1.55 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
main { max-width:760px; margin:0 auto; padding:56px 24px 72px }
h1 { font-size:40px; line-height:1.15; letter-spacing:-.022em; margin:0 0 12px }
p { margin:0 0 24px; color:#5d6b82; font-size:18px }
figure { margin:0 0 20px; padding:20px 28px; background:#fff; border:1px solid #e6eaf2; border-radius:14px; box-shadow:0 1px 2px #1b24320a }
figcaption { display:flex; justify-content:space-between; margin-bottom:8px } figcaption b { font-size:20px } figcaption span { color:#5d6b82 }
svg { display:block; width:100% }
</style>
<main>
<h1>A population, year after year</h1>
<p>In a year <em>x</em> becomes <em>rate · x · (1 - x)</em>: it grows, and starves when it is many. The same notebook, for ${count} rates.</p>
${figures}
</main>
</html>
""")
FIGURE = Template(
    "<figure><figcaption><b>Rate ${rate}</b><span>${finding}</span></figcaption>${drawing}</figure>\n",
)
