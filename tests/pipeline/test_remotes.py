"""Remotes: push, a fresh clone, pull, and nothing is left to run; what is lost or damaged comes
back.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import clones

REMOTES, MODELS = (
    clones.documented("Remotes: a folder, or S3"),
    clones.documented("Models: versions, and the hub"),
)
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def s3():
    """An S3 API on loopback with one bucket; credentials are in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        address = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="my-bucket")
        yield address
    server.stop()


@pytest.fixture(scope="module", params=["folder", "s3"])
def origin(request, finished, tmp_path_factory):
    """The finished world, pushed as documented to a remote that its committed configuration names.

    It has a bare git repository of its own; `origin.at` gives the addresses that stand for the
    documents'.
    """
    world, share = finished, tmp_path_factory.mktemp("share")
    start = clones.git(world, "rev-parse", "HEAD").strip()
    at = {
        "/mnt/share/reset": str(share / "store"),
        "https://example.org/reset.git": str(share / "reset.git"),
    }
    if request.param == "s3":
        at["https://s3.example.org"] = request.getfixturevalue("s3")
    clones.shell(world, REMOTES[request.param == "s3"], at)
    clones.git(world, "commit", "-qam", "a remote")
    clones.git(share, "clone", "-q", "--bare", str(world), "reset.git")
    clones.git(world, "remote", "add", "origin", str(share / "reset.git"))
    yield Origin(world, share / "store", at)
    clones.git(world, "remote", "remove", "origin")
    clones.git(world, "reset", "-q", "--hard", start)


@dataclass(frozen=True)
class Origin:
    world: Path
    share: Path
    at: dict[str, str]


@pytest.fixture
def clone(origin, tmp_path):
    clones.git(tmp_path, "clone", "-q", origin.at["https://example.org/reset.git"])
    return tmp_path / "reset"


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_fresh_clone_pulls_and_has_nothing_to_run(origin, tmp_path):
    said = clones.shell(tmp_path, REMOTES[2], origin.at)
    assert "up to date" in said and clones.ran(said) == []
    assert clones.git(tmp_path / "reset", "status", "--porcelain") == ""
    for path in ("models/reset_1/model.safetensors", "data/answers/mtl_1.jsonl"):
        assert (tmp_path / "reset" / path).read_bytes() == (origin.world / path).read_bytes()


@pytest.mark.parametrize("origin", ["folder"], indirect=True)
def test_a_part_is_pulled_alone_and_the_report_needs_no_pull(origin, clone):
    report, model, stage = REMOTES[3].splitlines()
    kept = [size(clone / ".dvc/cache")]
    for command in (report, model, stage):
        clones.shell(clone, command, origin.at)
        kept.append(size(clone / ".dvc/cache"))
    assert kept[:2] == [0, 0] and (clone / "report/index.html").stat().st_size > 20_000
    whole = size(origin.world / "models/reset_1")
    assert whole <= kept[2] < 1.1 * whole
    assert {path.parent.name for path in (clone / "data").rglob("*.jsonl")} == {
        "reset_1",
        "candidates",
    }


@pytest.mark.parametrize("origin", ["folder"], indirect=True)
def test_a_lost_or_damaged_file_is_an_error_and_comes_back(origin, clone):
    clones.dvc(clone, "pull", "filter@nq", "fetch@nq")
    cached = next(
        path for path in (clone / ".dvc/cache").rglob("*") if path.is_file() and is_of(path, clone)
    )
    content = cached.read_bytes()

    lose(cached, clone)
    assert "Checkout failed for following targets" in clones.dvc(
        clone, "checkout", "filter@nq", check=False
    )
    clones.dvc(clone, "pull", "filter@nq")
    assert cached.read_bytes() == content

    lose(cached, clone)
    assert clones.ran(clones.dvc(clone, "repro", "--single-item", "filter@nq")) == ["filter@nq"]
    assert cached.read_bytes() == content and clones.git(clone, "status", "--porcelain") == ""

    damage(cached)
    shutil.rmtree(clone / "data/filtered/nq")
    clones.dvc(clone, "checkout", "filter@nq")  # DVC trusts what is read-only
    assert (clone / "data/filtered/nq/train.jsonl").read_bytes() != content
    said = clones.shell(
        clone,
        REMOTES[4],
        {"dvc status": "dvc status filter@nq", "dvc repro": "dvc repro -s filter@nq"},
    )
    assert "not in cache:       data/filtered/nq" in said and clones.ran(said) == ["filter@nq"]
    assert cached.read_bytes() == content


@pytest.mark.parametrize("origin", ["folder"], indirect=True)
def test_a_damaged_file_of_a_remote_that_is_verified_is_an_error(origin, clone):
    stored = next(
        path for path in origin.share.rglob("*") if path.is_file() and is_of(path, origin.world)
    )
    content = stored.read_bytes()
    damage(stored)
    assert "Checkout failed for following targets" in clones.dvc(
        clone, "pull", "filter@nq", check=False
    )
    stored.write_bytes(content)
    clones.dvc(clone, "pull", "filter@nq")
    assert (clone / "data/filtered/nq/train.jsonl").read_bytes() == content


def is_of(path: Path, project: Path) -> bool:
    """Whether a stored file is the world's data/filtered/nq/train.jsonl."""
    return path.read_bytes() == (project / "data/filtered/nq/train.jsonl").read_bytes()


def lose(cached: Path, project: Path) -> None:
    cached.unlink()
    shutil.rmtree(project / "data/filtered/nq")


def damage(stored: Path) -> None:
    mode = stored.stat().st_mode
    stored.chmod(0o644)
    stored.write_bytes(b"damaged")
    stored.chmod(mode)


@pytest.mark.parametrize("origin", ["folder"], indirect=True)
def test_a_tagged_model_is_a_dvc_artifact_and_others_are_had_by_their_path(origin, tmp_path):
    *tag, get = MODELS[0].splitlines()
    clones.shell(origin.world, "\n".join(tag), origin.at)
    clones.shell(tmp_path, get + "\n" + MODELS[1], origin.at)
    clones.git(origin.world, "tag", "-d", "reset@v1.0.0")
    for name in ("reset_1", "mtl_1"):
        weights = (origin.world / f"models/{name}/model.safetensors").read_bytes()
        assert (tmp_path / name / "model.safetensors").read_bytes() == weights
    said = clones.dvc(
        tmp_path, "artifacts", "get", origin.at["https://example.org/reset.git"], "mtl", check=False
    )
    assert "Unable to find artifact 'mtl'" in said


def test_the_registered_models_are_outputs_of_the_first_seed():
    from dvc.repo import Repo

    with Repo(".") as project:
        registered = project.artifacts.read()["dvc.yaml"]
        outs = {str(Path(out.fs_path).relative_to(Path.cwd())) for out in project.index.outs}
    assert set(registered) == {"reset", "reset_s", "mtl"}
    assert {artifact.path for artifact in registered.values()} <= outs
    assert all(
        artifact.type == "model" and artifact.labels and artifact.desc
        for artifact in registered.values()
    )
