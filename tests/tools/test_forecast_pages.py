"""The computed tables of the documents, and the shapes and rows that they are computed from."""

from pathlib import Path

import pytest

from reset.core import params
from reset.core.errors import InputError
from reset.tools import box_hours, forecast_pages, one_gpu, published_sizes, workload
from reset.training import model_size
from tests.support import tiny_llama

PAPER = params.load("profiles/paper.yaml")
SMALL = params.load("profiles/paper_small.yaml")


@pytest.mark.parametrize("document", forecast_pages.PAGES)
def test_the_page_has_what_the_forecast_says(document):
    assert Path(document).read_text() == forecast_pages.updated(document)


def test_a_document_without_a_place_for_the_tables_is_named(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    monkeypatch.setattr(forecast_pages, "PAGES", {str(page): lambda: "a table"})
    with pytest.raises(InputError, match="page.md: expected one block <!-- forecast:start --> "):
        forecast_pages.updated(str(page))


def test_the_paper_profile_keeps_the_papers_bounds():
    study = box_hours.study("profiles/paper.yaml")
    assert workload.reset_share(PAPER) < 0.01 < workload.reset_share(SMALL)
    assert max(run.all for run in study.runs.values()) < 24
    assert workload.training("mtl", PAPER).rows == 4 * (287_113 - PAPER["data"]["dev"])
    assert study.judge.usd < PAPER["judges"]["instruction"]["openai"]["budget_usd"]


def test_runs_are_those_of_the_profile_without_ends():
    assert len(workload.trained_runs(PAPER)) == 9
    assert workload.trained_runs(params.load(one_gpu.PROFILE)) == ["mtl", "reset", "random"]


def test_caps_and_groups_set_the_rows():
    groups = workload.groups_of(SMALL)
    assert groups["nq"][0] == 20_000
    assert groups["instruction"][0] == 10_500 + 20_000 + 20_000 + 4_500
    assert workload.training("stage2", SMALL).rows == 55_000 - SMALL["data"]["dev"]


def test_draws_and_requests_are_those_of_the_profile():
    assert workload.draws(PAPER) == 4 * 2106 * 7 + 4 * 527 * 14
    assert workload.evaluation_rows(PAPER) == (6280, 280)


def test_published_models_have_their_published_parameters():
    assert published_sizes.llama_7b().parameters == 6_738_415_616
    assert published_sizes.qwen3("Qwen/Qwen3-1.7B", 16).parameters == 1_720_574_976
    assert published_sizes.qwen3("Qwen/Qwen3-4B", 16).parameters == 4_022_468_096


@pytest.mark.parametrize("rank", [None, 4])
def test_a_shape_is_what_the_forecast_reads_of_such_a_folder(tmp_path, monkeypatch, rank):
    monkeypatch.chdir(tmp_path)
    job = tiny_llama.job(tmp_path, **_adapters(rank))
    sizes = tiny_llama.SIZES
    made = published_sizes.decoder(
        sizes["vocab_size"],
        sizes["hidden_size"],
        sizes["num_hidden_layers"],
        sizes["num_attention_heads"],
        sizes["num_key_value_heads"],
        sizes["intermediate_size"],
        tied=True,
        lora_rank=rank,
    )
    assert made == model_size.size(job.start, job.shared)


def _adapters(rank):
    from reset.training.settings import LoraSettings

    if rank is None:
        return {}
    return {"lora": LoraSettings(rank=rank, alpha=8, dropout=0.0)}
