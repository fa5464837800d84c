"""The command line: words in, words out. It asks the API and nothing else.

Results go to stdout, talk goes to stderr. `commands` lists what there is and imports nothing; a
module per group of commands is imported when one of them is called; `pages` and `drawings` are pure.
"""
