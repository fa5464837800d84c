"""The smallest workflow: two tasks, and a function that calls them."""

from fairlead import task, workflow


@task
def split(text: str) -> list[str]:
    return text.split()


@task
def longest(words: list[str]) -> str:
    return max(words, key=len)


@workflow
def hello(text: str = "a fairlead guides a line to wherever it must go"):
    """Find the longest word of a text."""
    return longest(split(text))


if __name__ == "__main__":
    print(hello.fn("plain Python, and nothing is recorded"))
    print(hello("a run leaves a record").run().get_results())
