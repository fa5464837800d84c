"""The same as a workflow function: `switch` looks a function up, as a dict would."""

import choice as plain

from fairlead import switch, task, workflow

recognise = task(plain.recognise)
read_json = task(plain.read_json)
read_csv = task(plain.read_csv)
read_lines = task(plain.read_lines)
list_names = task(plain.list_names)


@workflow
def choice(text: str = plain.ANIMALS):
    read = switch(recognise(text), {"json": read_json, "csv": read_csv}, default=read_lines)
    return list_names(read(text))
