"""What commands print, as pure functions of recorded data: lines for people, documents for programs.

No page asks the API, reads a clock or knows a terminal; `now` and `width` are arguments.
"""
