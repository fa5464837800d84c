"""Shell commands as steps: what a text is about, with the tools that every system has."""

from fairlead import Pipeline, ShellTask

words = r"""words=$(tr -cs '[:alpha:]' '\n' <<< "$text" | tr '[:upper:]' '[:lower:]')
export words
"""

frequent = r"""sort <<< "$words" | uniq -c | sort -rn |
    awk -v least="${least:-3}" 'length($2) > least { printf "{\"word\": \"%s\", \"times\": %d}\n", $2, $1; exit }'
"""

shell = Pipeline(
    [
        ShellTask(command=words, name="words", returns=["words"]),
        ShellTask(command=frequent, name="frequent", returns=["word", "times"]),
    ],
    name="shell",
    parameters={"text": "The wind is passing through. The wind is passing by."},
)
