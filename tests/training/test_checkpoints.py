import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reset.training.checkpoints import MARKER, Folder, best_step, is_whole


def save(folder: Folder, step: int, loss: float, mark: bool = True, state: bool = True) -> None:
    path = folder.checkpoint(step)
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"x" * 100)
    if state:
        (path / "rng_state.pth").write_bytes(b"x")
    if mark:
        folder.complete(step, [{"step": step, "eval_loss": loss}])


def test_the_lowest_evaluation_loss_wins_and_ties_go_to_the_earlier_step():
    history = [
        {"step": 10, "loss": 0.1},
        {"step": 20, "eval_loss": 2.0},
        {"step": 40, "eval_loss": 1.5},
        {"step": 60, "eval_loss": 1.5},
        {"step": 80, "eval_loss": 1.9},
    ]
    assert best_step(history) == 40
    assert best_step(reversed(history)) == 40


def test_the_newest_whole_checkpoint_is_found(tmp_path, capsys):
    folder = Folder(tmp_path, {"seed": 0})
    assert folder.latest() is None
    save(folder, 90, 1.0)
    save(folder, 100, 1.0)
    assert Folder(tmp_path, {"seed": 0}).latest() == folder.checkpoint(100)
    assert "resuming from" in capsys.readouterr().err


def test_all_but_the_newest_and_the_best_are_removed(tmp_path):
    folder = Folder(tmp_path, {})
    history = []
    for step, loss in ((10, 3.0), (20, 1.0), (30, 2.0), (40, 1.5)):
        save(folder, step, loss, mark=False)
        history.append({"step": step, "eval_loss": loss})
        folder.complete(step, history)
    assert sorted(p.name for p in folder.path.glob("checkpoint-*")) == [
        "checkpoint-20",
        "checkpoint-40",
    ]


def steps(folder: Folder) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in folder.path.glob("checkpoint-*"))


def test_weights_alone_are_kept_while_they_are_the_best_and_nothing_resumes_from_them(tmp_path):
    folder = Folder(tmp_path, {})
    history = []
    kept = []
    for step, loss, state in (
        (10, 3.0, False),
        (20, 2.0, True),
        (30, 1.0, False),
        (40, 0.5, False),
        (50, 2.0, True),
    ):
        save(folder, step, loss, mark=False, state=state)
        history.append({"step": step, "eval_loss": loss})
        folder.complete(step, history)
        kept.append(steps(folder))
    assert kept == [[10], [20], [20, 30], [20, 40], [40, 50]]
    assert folder.latest() == folder.checkpoint(50)


def test_the_best_weights_until_the_resumed_step_stay_and_later_ones_go(tmp_path):
    folder = Folder(tmp_path, {})
    history = []
    for step, loss, state in ((10, 1.0, False), (20, 2.0, True), (30, 0.5, False)):
        save(folder, step, loss, mark=False, state=state)
        history.append({"step": step, "eval_loss": loss})
        folder.complete(step, history)
    assert steps(folder) == [10, 20, 30]
    assert folder.latest() == folder.checkpoint(20)
    assert steps(folder) == [10, 20]


def test_a_half_written_checkpoint_is_removed_with_a_message(tmp_path, capsys):
    folder = Folder(tmp_path, {})
    save(folder, 10, 1.0)
    save(folder, 20, 1.0, mark=False)
    assert folder.latest() == folder.checkpoint(10)
    assert not folder.checkpoint(20).exists()
    assert "checkpoint-20 is incomplete: removed" in capsys.readouterr().err


def test_a_cut_off_or_missing_file_and_a_broken_marker_are_noticed(tmp_path):
    folder = Folder(tmp_path, {})
    for step, spoil in (
        (10, lambda path: (path / "model.safetensors").write_bytes(b"x" * 99)),
        (20, lambda path: (path / "model.safetensors").unlink()),
        (30, lambda path: (path / MARKER).write_text("{")),
    ):
        save(folder, step, 1.0)
        assert is_whole(folder.checkpoint(step))
        spoil(folder.checkpoint(step))
        assert not is_whole(folder.checkpoint(step))


def test_checkpoints_of_other_params_or_processes_are_refused_by_name_and_kept(tmp_path, capsys):
    other = Folder(tmp_path, {"seed": 0, "number of processes": 1, "train.mtl.learning_rate": 1e-3})
    other.latest()
    save(other, 10, 1.0)
    ours = Folder(tmp_path, {"seed": 0, "number of processes": 2, "train.mtl.learning_rate": 2e-3})
    assert ours.latest() is None
    message = capsys.readouterr().err
    assert (
        "not resuming from" in message
        and "other number of processes, train.mtl.learning_rate" in message
    )
    assert is_whole(other.checkpoint(10))


def test_a_process_that_does_not_lead_reads_but_changes_nothing(tmp_path, capsys):
    folder = Folder(tmp_path, {})
    save(folder, 10, 1.0)
    save(folder, 20, 1.0, mark=False)
    follower = Folder(tmp_path, {}, leads=False)
    follower.complete(20, [])
    assert follower.latest() == folder.checkpoint(10)
    assert folder.checkpoint(20).exists() and not (folder.checkpoint(20) / MARKER).exists()
    assert capsys.readouterr().err == ""


def test_a_checkpoint_whose_best_one_is_missing_is_not_resumed_from(tmp_path, capsys):
    folder = Folder(tmp_path, {})
    history = []
    for step, loss in ((10, 1.0), (20, 2.0), (30, 0.5), (40, 3.0)):
        save(folder, step, loss, mark=False)
        history.append({"step": step, "eval_loss": loss})
        folder.complete(step, history)
    assert steps(folder) == [30, 40]
    (folder.checkpoint(30) / "model.safetensors").unlink()
    assert folder.latest() is None
    assert steps(folder) == []
    assert "checkpoint-30 is incomplete: removed" in capsys.readouterr().err


def test_an_older_checkpoint_serves_where_the_best_of_the_newest_is_missing(tmp_path):
    folder = Folder(tmp_path, {})
    save(folder, 10, 1.0)
    save(folder, 20, 0.5, mark=False)
    folder.complete(20, [{"step": 10, "eval_loss": 0.9}, {"step": 15, "eval_loss": 0.1}])
    save(folder, 10, 1.0)
    assert folder.latest() == folder.checkpoint(10)


# The process kills itself at the nth call that unlinks a file or removes a folder.
REMOVE = """
import os, signal, sys
from pathlib import Path
from reset.training.checkpoints import Folder
left = int(sys.argv[1])
def counted(call):
    def wrapper(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapper
os.unlink, os.rmdir, os.rename = counted(os.unlink), counted(os.rmdir), counted(os.rename)
Folder(Path("work"), {}).remove()
"""


@pytest.mark.parametrize("calls", range(12))
def test_a_kill_while_a_finished_run_is_removed_leaves_all_or_nothing(tmp_path, calls):
    folder = Folder(tmp_path / "work", {})
    history = []
    for step, loss in ((10, 1.0), (20, 2.0)):
        save(folder, step, loss, mark=False)
        history.append({"step": step, "eval_loss": loss})
        folder.complete(step, history)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", REMOVE, str(calls)]
    done = subprocess.run(command, cwd=tmp_path, env=environment)
    found = Folder(tmp_path / "work", {}).latest()
    if done.returncode == -signal.SIGKILL:
        assert calls < 11
        assert found == (folder.checkpoint(20) if calls == 0 else None)
    else:
        assert calls == 11 and found is None
    assert not (tmp_path / ".work.removed").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["work"]


def test_files_that_another_process_still_maps_do_not_stop_a_finished_run(tmp_path, monkeypatch):
    """As a network file system keeps them."""
    folder = Folder(tmp_path / "mtl_0", {})
    (tmp_path / "mtl_0").mkdir()
    (tmp_path / "mtl_0/ids").write_text("")

    def mapped(*args, **kwargs):
        raise OSError(errno.EBUSY, "in use")

    monkeypatch.setattr(os, "unlink", mapped)
    folder.remove()
    assert not (tmp_path / "mtl_0").exists()
