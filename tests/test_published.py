"""The built-in tables: held to our own counts and, where it is there, to the shared data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence import published


def test_the_model_zoo_has_our_counts() -> None:
    rows = published.model_zoo()
    assert len(rows) == 36
    for row in rows.to_dict("records"):
        costs = zoo.network(row["network"]).complexity(row["resolution"])
        assert (costs.flops, costs.params, costs.acts) == (row["flops"], row["params"], row["acts"]), row["network"]


def test_early_convolutions_has_our_counts_where_the_zoo_knows_a_network() -> None:
    rows = published.early_convolutions()
    assert len(rows) == 23
    known = rows[rows["zoo"].notna()]
    assert len(known) == 7
    for row in known.to_dict("records"):
        costs = replace(zoo.network(row["zoo"]), resolution=int(row["resolution"])).complexity()
        assert costs.flops / 1e9 == pytest.approx(row["flops_g"], abs=0.06)
        assert costs.params / 1e6 == pytest.approx(row["params_m"], abs=0.06)
        assert costs.acts / 1e6 == pytest.approx(row["acts_m"], abs=0.11)


@pytest.mark.parametrize("name", published.names())
def test_tables(name: str) -> None:
    table = published.table(name)
    assert (table.frame["seconds"] > 0).all()
    assert {"source", "device", "mode", "software"} <= set(table.provenance)
    assert table.frame.loc[table.frame["network"].notna(), "macs"].notna().all()


def test_times_are_per_image_and_per_gpu() -> None:
    inference, training, early = (published.table(name).frame.set_index("name") for name in published.names())
    assert inference["seconds"]["EfficientNet-B0"] == 0.0121 / 25
    assert training["seconds"]["RegNetY-4.0GF"] == 0.2515 / 64
    assert early["seconds"]["ResNet-50"] == pytest.approx(3.4 * 60 * 8 / 1_281_167)


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown table 'a100'"):
        published.table("a100")


def test_the_facts_are_those_of_the_shared_data(shared_data: Path) -> None:
    theirs = pd.read_csv(shared_data / "pycls" / "model_zoo_v100.csv").set_index("model").sort_index()
    ours = published.model_zoo().set_index("network").sort_index()
    assert ours["inference_seconds"].tolist() == theirs["test_fw_s"].tolist()
    assert ours["training_seconds"].tolist() == theirs["train_fw_bw_s"].tolist()
    assert ours["inference_batch"].tolist() == theirs["infer_batch_per_gpu"].tolist()
    assert ours["training_batch"].tolist() == theirs["train_batch_per_gpu"].tolist()
    theirs = pd.read_csv(shared_data / "early_convolutions_table2.csv")
    ours = published.early_convolutions()
    assert ours["epoch_minutes"].tolist() == theirs["epoch_minutes"].tolist()
    assert ours["error_100"].tolist() == theirs["err_100ep"].tolist()
    assert ours["network"].tolist() == theirs["model"].tolist()
