"""Map items that share a job."""

import pytest

from fairlead.executors.chunks import chunked, widest
from fairlead.ports import Job
from tests.model.builders import task


@pytest.mark.parametrize("sizes", [(1, 3), (3, 1)])
def test_jobs_of_one_task_are_put_together_up_to_its_chunk(sizes):
    tasks = [task("f", chunk=sizes[0]), task("g", chunk=sizes[1])]
    jobs = [Job("r", f"t[{number}]", 1, number % 2, {}) for number in range(10)]
    chunks = chunked(jobs, tasks)
    assert [len(chunk) for chunk in chunks if chunk[0].task == sizes.index(1)] == [1] * 5
    assert [len(chunk) for chunk in chunks if chunk[0].task == sizes.index(3)] == [3, 2]
    assert sorted(job.path for chunk in chunks for job in chunk) == sorted(job.path for job in jobs)
    assert widest(tasks) == 3 and widest([]) == 1
