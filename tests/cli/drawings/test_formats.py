import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from fairlead.cli.drawings.dot import dot
from fairlead.cli.drawings.mermaid import mermaid
from fairlead.cli.drawings.outline import outline
from fairlead.cli.drawings.svg import svg
from fairlead.model.task import TaskDefinition
from fairlead.model.workflow import After, Const, MapNode, Parameter, Ref, TaskNode, Workflow
from tests.cli.records import study, study_groups

AWKWARD = Workflow(
    'w"<&>',
    (),
    (
        TaskNode('a"<b>&#c\\`', 0),
        MapNode("empty", Workflow("b", (Parameter("x"),)), over={"x": Ref(0)}),
        TaskNode("日本", 0, {"x": Ref(1)}, after=(After(0, "failed"),)),
        MapNode(
            "outer",
            Workflow(
                "o",
                (Parameter("x"),),
                (MapNode("inner", Workflow("i", (Parameter("y"),), (TaskNode("f", 0),)), over={"y": Const(0)}),),
            ),
            over={"x": Ref(2)},
        ),
        TaskNode("end", 0, after=(After(3),)),
    ),
    tasks=(TaskDefinition(name='a"<b>&#c\\`', doc='says "<hi>" & more'),),
)


def test_mermaid():
    assert mermaid(outline(study(), defaults={"folds": "5"})) == (
        "flowchart TD\n"
        '  p0(["folds<br/>int = 5"]):::edge\n'
        '  n0["load"]\n'
        '  n1["split"]\n'
        '  subgraph n2["train · for each item"]\n'
        '    n2_0["fit"]\n'
        '    n2_1["score"]\n'
        "    n2_0 --> n2_1\n"
        "  end\n"
        '  n3[["picture"]]\n'
        '  n4["choose<br/>best"]\n'
        '  n5["tell"]\n'
        '  r0(["result"]):::edge\n'
        "  p0 --> n1\n"
        '  n0 -->|"labels"| n1\n'
        "  n1 ==> n2\n"
        '  n0 -->|"images"| n2\n'
        "  n2 ==> n3\n"
        "  n2 --> n4\n"
        "  n4 -.-> n5\n"
        "  n3 -.-> n5\n"
        "  n4 --> r0\n"
        "  classDef edge fill:none,stroke:#94a3b8,stroke-dasharray:3 3\n"
    )


def test_mermaid_of_a_run_has_classes():
    drawn = mermaid(outline(study(), study_groups()))
    assert '    n2_0["fit<br/>15/20 · 1 failed · 12.0 s"]:::bad\n' in drawn
    assert "  class n2 bad\n" in drawn
    assert "  classDef good " in drawn
    assert "classDef odd" not in drawn


def test_what_means_something_to_mermaid_is_escaped():
    drawn = mermaid(outline(AWKWARD))
    assert 'n0["a#quot;#lt;b#gt;#amp;#35;c\\#96;"]' in drawn
    assert '-.->|"if failed"|' in drawn
    assert 'n1_e(["each item"])' in drawn


def test_dot():
    drawn = dot(outline(study(), study_groups()))
    assert drawn.startswith('digraph "study" {\n')
    assert "  subgraph cluster_n2 {\n" in drawn
    assert "    n2_0 -> n2_1\n" in drawn
    assert "n1 -> n2_0 [lhead=cluster_n2, penwidth=1.8]" in drawn
    assert "n2_1 -> n4 [ltail=cluster_n2]" in drawn
    assert "peripheries=2" in drawn


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not here to read it")
@pytest.mark.parametrize("workflow", [study(), AWKWARD], ids=["study", "awkward"])
def test_graphviz_reads_what_we_write(workflow):
    done = subprocess.run(["dot", "-Tsvg"], input=dot(outline(workflow)), capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert done.stderr == ""
    ElementTree.fromstring(done.stdout)


def test_svg_is_well_formed_and_shows_every_box():
    drawn = svg(outline(study(), study_groups(), {"folds": "5"}), "study · calm-otter · running")
    root = ElementTree.fromstring(drawn)
    texts = [element.text for element in root.iter() if element.text and element.text.strip()]
    tails = [element.tail for element in root.iter() if element.tail]
    for word in ("load", "split", "train", "fit", "score", "picture", "choose", "tell", "result"):
        assert word in [*texts, *tails]
    assert "15/20 · 1 failed · 12.0 s" in texts
    assert "int = 5" in texts
    assert "Does load. · jobs.py:7" in texts
    assert "labels" in texts
    width, height = float(root.get("width")), float(root.get("height"))
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        x, y = map(float, group.get("transform").removeprefix("translate(").rstrip(")").split())
        assert 0 <= x < width
        assert 0 <= y < height


def test_svg_needs_nothing_and_runs_nothing():
    drawn = svg(outline(AWKWARD))
    root = ElementTree.fromstring(drawn)
    assert "script" not in drawn
    assert "href" not in drawn
    assert any('says "<hi>" & more' in (element.text or "") for element in root.iter())
    assert "if failed" in drawn


def test_an_empty_workflow_can_be_drawn():
    nothing = outline(Workflow("nothing"))
    ElementTree.fromstring(svg(nothing, "nothing"))
    assert mermaid(nothing) == "flowchart TD\n"
    assert dot(nothing).startswith("digraph")
