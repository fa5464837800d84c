"""What stands in for tasks in the environment `rehearsal`."""


def greet(name: str) -> str:
    return f"hi, {name}"
