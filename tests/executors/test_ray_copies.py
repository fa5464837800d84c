"""Output of tasks on other machines."""

import os
from pathlib import Path

from fairlead.executors.ray.copies import MOST, Copies


def test_output_of_more_jobs_than_a_process_may_have_files_open_is_kept(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    copies = Copies()
    for turn in range(2):
        for number in range(3 * MOST):
            copies.write(str(tmp_path), f"ray-{number}.log", 2 * turn, b"ab")
            assert len(os.listdir("/proc/self/fd")) <= before + MOST
    copies.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"abab"}
    assert len(list(tmp_path.iterdir())) == 3 * MOST


def test_a_name_from_another_machine_leads_out_of_no_folder(tmp_path: Path) -> None:
    copies = Copies()
    copies.write(str(tmp_path), "../../out.log", 0, b"x")
    copies.close()
    assert (tmp_path / "out.log").read_bytes() == b"x"
