"""What the end of a container without a record means."""

import pytest

from fairlead.executors.container.verdicts import End, of_end, of_refusal


@pytest.mark.parametrize(
    ("end", "reason", "told"),
    [
        (End(137), "killed", "SIGKILL"),
        (End(137, out_of_memory=True, limit="256Mi"), "killed", "more than the 256Mi of memory that it asked for"),
        (End(137, out_of_memory=True), "killed", "memory ran out"),
        (End(137, begun=False), "killed", "SIGKILL"),
        (End(143), "killed", "SIGTERM"),
        (End(139), "exit", "SIGSEGV"),
        (End(3), "exit", "exit code 3"),
        (End(0), "exit", "without giving its record back"),
        (
            End(125, begun=False, words="no cgroups"),
            "refused",
            "exit code 125, the engine could not start it: no cgroups",
        ),
        (End(126, begun=False), "refused", "cannot be executed"),
        (End(127, begun=False), "refused", "is not there"),
        (End(1, begun=False, words="Traceback\n  …\nNo module\n\n"), "refused", "could not start in it: No module"),
    ],
)
def test_the_end_of_a_container_is_told_in_words(end, reason, told):
    failure = of_end(end)
    assert failure.reason == reason
    assert told in failure.message


def test_what_an_engine_refuses_is_told_in_its_words():
    failure = of_refusal("range of CPUs is from 0.01 to 2.00\n", "team/train:1")
    assert failure.reason == "refused"
    assert failure.message == "the engine cannot run a container of 'team/train:1': range of CPUs is from 0.01 to 2.00"
