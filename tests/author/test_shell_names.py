"""Names that a shell script takes from outside, as bash would look them up."""

import pytest

from fairlead.author.shell_names import is_environment, names_taken


@pytest.mark.parametrize(
    ("script", "taken"),
    [
        ("wc -l $path", "path"),
        ('n=$(wc -l < "$path"); export n', "path"),
        ("echo ${b}-$a", "b a"),
        ("echo ${sep:-,} ${quiet-} ${on:+yes} ${set+yes} ${must:?}", "sep? quiet? on? set? must"),
        (": ${rate:=0.1}; echo $rate", "rate?"),
        ("if [[ -v opt ]]; then echo $opt; fi", "opt?"),
        ("echo ${a:-${b:-$c}} ${d/foo/$e} ${f[@]} ${#g} ${!h} ${!pre@} ${i:2}", "a? b? c d e f g h i"),
        ("x=1; echo $x", ""),
        ("x=${x}/sub; echo $x", "x"),
        ("make prefix=$prefix", "prefix"),
        ("PATH=$extra:$PATH run", "extra"),
        ("for f in $files; do echo $f; done; select s in a; do echo $s; done", "files"),
        ("while read -r line rest; do n=$((n + step)); done < $file", "n step file"),
        ("n=0; while read -r line; do n=$((n+0x1f+step)); done", "step"),
        ("((i=0)); for ((j=0; j<top; j++)); do ((k == 2)) || echo $i $j; done", "top k"),
        ("mapfile -t rows < $in; getopts ab opt; printf -v out '%s' $x; echo $rows $opt $out", "in x"),
        ("f() { local y=$deep; echo $y $later; }\nlater=1\nf", "deep"),
        ("function g { echo $z; }; { echo $w; }; g", "z w"),
        ("awk '{print $1, $no}' $file # $no\necho a#$yes", "file yes"),
        ("echo \\$no '$no' \"$yes '$also'\" $'\\'$no' $\"$too\"", "yes also too"),
        ("cat <<EOF\n$a `echo $b` $((c))\nEOF\ncat <<'EOF' <<-\"END\"\n$no\nEOF\n\t$no\n\tEND\necho $d", "a b c d"),
        ('echo "$(echo "$deep" | (tr a b; echo $in))" `echo $back`', "deep in back"),
        ("cmd <<<$word < $file > $out 2>&1", "word file out"),
        ("case $side in\n heads) echo $h;;\nesac", "side h"),
        ("arr=(a $b); arr[$i]=$v; echo ${arr[@]} ${#arr[@]}", "b i v"),
        ("echo $HOME $_ $1 $# $? $@ $$ ${10} $no_proxy", ""),
        ("export e; readonly r=$q; echo $r $e", "q e"),
        ("echo $ '$' \"$\" ${", ""),
        ("cat <<EOF\n$open", "open"),
        ("echo 'never closed $x", ""),
    ],
)
def test_names_are_found_in_order(script, taken):
    assert " ".join(one.name + ("" if one.required else "?") for one in names_taken(script)) == taken


def test_names_without_lower_case_are_the_environments():
    assert [is_environment(name) for name in ("HOME", "_", "A1", "https_proxy", "Home", "path")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
