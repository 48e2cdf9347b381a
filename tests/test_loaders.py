"""Loading tables of measured times: timm's CSV, plain CSV, the store; and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.loaders import load, timm_provenance
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, NetworkSubject, Settings, Task
from complexity_theory.measurement.store import Store
from complexity_theory.scaling.realise import scale

INFER = (
    "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts"
)
PLAIN = "network,seconds,batch"
TRAIN = "model,train_samples_per_sec,train_step_time,train_batch_size,train_img_size,param_count"


def written(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_timm_inference(tmp_path: Path) -> None:
    source = written(
        tmp_path / "benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv",
        INFER,
        "resnet50,288,2000.0,512.0,1024,25.56,6.8,18.37",
        "tf_efficientnet_b0,224,4000.0,256.0,1024,5.29,0.4,6.75",
        "vit_base_patch16_224,224,100.0,1.0,1,86.57,17.6,23.9",
        "resnet50,224,4000.0,256.0,1024,25.56,4.11,",
    )
    table = load(source)
    row = table.frame.iloc[0]
    assert (row["network"], row["family"], row["resolution"], row["batch"]) == ("ResNet-50", "ResNet", 288, 1024)
    assert row["seconds"] == 1 / 2000
    assert row["flops"] == zoo.network("ResNet-50").complexity(288).flops
    assert table.unknown == ("vit_base_patch16_224",)
    assert table.frame["twin"].tolist() == [False, True, False]
    assert len(table.known) == 2
    assert table.known["architecture"].nunique() == 1
    assert [line.split()[0] for line in table.notes] == ["1", "1"]
    about = {"device": "rtx4090", "mode": "inference", "execution": "compiled", "precision": "amp", "layout": "nchw"}
    assert about.items() <= table.provenance.items()


def test_timm_training(tmp_path: Path) -> None:
    source = written(
        tmp_path / "t.csv", TRAIN, "regnety_040,640.0,600.0,384,224,20.65", "VGG11,100.0,10.0,64,224,132.86"
    )
    table = load(source)
    assert table.provenance["mode"] == "training"
    assert table.frame["seconds"].tolist() == [1 / 640, 1 / 100]
    assert table.frame["family"].tolist() == ["RegNetY", "VGG"]


def test_counts_that_differ_are_told_and_left_out(tmp_path: Path) -> None:
    source = written(
        tmp_path / "t.csv",
        INFER,
        "resnet50,224,2000.0,512.0,1024,25.56,4.11,11.11",
        "resnet18,224,2000.0,512.0,1024,21.8,1.82,2.48",
        "resnet34,224,2000.0,512.0,1024,21.8,3.67,2.48",
    )
    table = load(source)
    assert table.frame["network"].tolist() == ["ResNet-50"]
    assert "resnet18 (params: 21.8M, ours 11.69M)" in table.mismatched
    assert "resnet34 (acts: 2.48M, ours 3.74M)" in table.mismatched
    assert "whose counts differ from ours" in table.notes[0]


def test_both_modes_in_one_file_are_chosen_from(tmp_path: Path) -> None:
    source = written(
        tmp_path / "both.csv",
        f"{INFER},{TRAIN.removeprefix('model,').removesuffix(',param_count')}",
        "resnet50,224,2000.0,512.0,1024,25.56,4.11,11.11,500.0,512.0,256,224",
    )
    with pytest.raises(InvalidInput, match="choose mode of inference, training"):
        load(source)
    assert load(source, setting={"mode": "training"}).frame["batch"].tolist() == [256]
    with pytest.raises(InvalidInput, match="not both"):
        load(source, setting={"mode": "both"})
    with pytest.raises(InvalidInput, match="dtype cannot be chosen"):
        load(source, setting={"mode": "training", "dtype": "amp"})


def test_plain_csv(tmp_path: Path) -> None:
    source = written(
        tmp_path / "plain.csv",
        "network,seconds,batch,resolution",
        "ResNet-50,0.01,8,160",
        "resnet18,0.004,8,160",
        "x,1,1,1",
    )
    table = load(source)
    assert table.frame["resolution"].tolist() == [160, 160]
    assert table.frame["weights"].tolist() == [25_557_032 / 8, 11_689_512 / 8]
    assert table.unknown == ("x",)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["model,top1", "resnet50,80"], "no column network, seconds, batch"),
        ([""], "cannot be read as CSV"),
        ([INFER], "no network that the zoo knows"),
        ([INFER, "nonsense,224,1,1,1,1,1,1"], "no network that the zoo knows"),
        ([INFER, "resnet50,224,fast,1,1,25.56,4.1,11.1"], "infer_samples_per_sec of resnet50 is 'fast', not a number"),
        (
            [INFER, "resnet50,224,0,1,1,25.56,4.1,11.1"],
            "samples_per_sec of resnet50 must be from 1e-06 to 1e\\+09, not 0",
        ),
        ([INFER, "resnet50,224.5,9,1,1,25.56,4.1,11.1"], "resolution of resnet50 must be a whole number"),
        ([INFER, "resnet50,224,9,1,,25.56,4.1,11.1"], "infer_batch_size of resnet50 is '', not a number"),
        ([INFER, "resnet50,224,9,1,8,many,4.1,11.1"], "param_count of resnet50 is 'many', not a number"),
        (["model,infer_samples_per_sec,infer_img_size", "resnet50,9,224"], "no column infer_batch_size"),
        ([INFER, 'resnet50,224,"1,23.4",1,1,25.56,4.1,11.1'], "is '1,23.4', not a number"),
        ([INFER, 'resnet50,224,"0,123",1,1,25.56,4.1,11.1'], "is '0,123', not a number"),
        ([INFER, "resnet50,224,1e-320,1,1,25.56,4.1,11.1"], "must be from 1e-06 to 1e\\+09, not 9.99989e-321"),
        ([INFER, ",224,9,1,8,25.56,4.1,11.1"], "model of row 1 after the header is empty"),
        ([PLAIN, "resnet50,-1,1"], "seconds of resnet50 must be from 1e-09 to 1e\\+06, not -1"),
        ([PLAIN, "resnet50,1e-320,1"], "seconds of resnet50 must be from"),
        ([PLAIN, "resnet50,1e300,1"], "seconds of resnet50 must be from"),
        ([PLAIN, "resnet50,inf,1"], "seconds of resnet50 is 'inf', not a number"),
        ([PLAIN, "resnet50,True,1"], "seconds of resnet50 is 'True', not a number"),
        ([PLAIN, 'resnet50,"0,001848",1'], "seconds of resnet50 is '0,001848', not a number as 1234.5"),
        ([PLAIN, 'resnet50,"1,234",1'], "seconds of resnet50 is '1,234', not a number"),
        ([PLAIN, "resnet50,1,0"], "batch of resnet50 must be a whole number from 1 to 1,000,000, not 0"),
        ([PLAIN, "resnet50,1,2.5"], "batch of resnet50 must be a whole number .* not 2.5"),
        ([PLAIN, "resnet50,1,1e30"], "batch of resnet50 must be a whole number .* not 1e\\+30"),
        ([f"{PLAIN},resolution", "resnet50,1,1,1e12"], "resolution of resnet50 must be a whole number .* not 1e\\+12"),
        ([f"{PLAIN},resolution", "resnet50,1,1,inf"], "resolution of resnet50 is 'inf', not a number"),
        ([PLAIN, "resnet50,1,1", ",1,1"], "network of row 2 after the header is empty"),
        ([PLAIN, "resnet50,1,1", "resnet50,1,1,1"], "cannot be read as CSV"),
        ([PLAIN, "resnet50,1,1,1"], "cannot be read as CSV: .* Expected 3 fields in line 2, saw 4"),
        ([f"{PLAIN},seconds", "resnet50,1,1,2"], "more than one column seconds"),
    ],
)
def test_bad_tables_are_refused(lines: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=said) as error:
        load(written(tmp_path / "bad.csv", *lines))
    assert len(str(error.value).splitlines()) == 1


def test_thousands_of_timm_are_grouped(tmp_path: Path) -> None:
    row = 'regnety_040,"1,640.5",600.0,"1,024",224,20.65'
    (found,) = load(written(tmp_path / "t.csv", TRAIN, row)).frame.to_dict("records")
    assert (found["seconds"], found["batch"]) == (1 / 1640.5, 1024)


def test_unknown_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no table 'a100': one of v100-inference"):
        load("a100")
    with pytest.raises(InvalidInput, match="one setting only"):
        load("v100-training", setting={"mode": "training"})
    for path in (str(tmp_path), "x" * 5000, "/" + "x" * 5000, "/proc/self/mem"):
        with pytest.raises(InvalidInput) as error:
            load(path)
        assert len(str(error.value)) < 250
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(str(tmp_path / "bytes.csv"))


def test_names_of_timm_files() -> None:
    assert (
        timm_provenance(Path("benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv"))["device"] == "cpu i9_10940x"
    )
    assert "device" not in timm_provenance(Path("benchmark.csv"))


RESULT: dict[str, Any] = {
    "samples": [0.2, 0.2, 0.2],
    "device_samples": [0.1, 0.1, 0.1],
    "counts": None,
    "peak_memory": 1,
    "shares": {},
    "conditions": {"load": 0.0, "started": "2026-11-22", "version": "0.1", "commit": "unknown"},
}


def store_with(path: Path, *entries: tuple[NetworkSubject, Settings]) -> str:
    store = Store(path)
    place = store.add_environment({"device": "cpu", "device_name": "A CPU", "torch": "2.9"})
    for subject, settings in entries:
        costs = subject.network().complexity().as_dict()
        task = Task(job=Job(subject, settings), number=0, batch=settings.batch, device="cpu", threads=1)
        store.add_jobs([task.job])
        store.add(task, place, Outcome("ok", result={**RESULT, "counts": costs}))
    store.close()
    return str(path)


def test_a_store_of_scaled_networks(tmp_path: Path) -> None:
    subjects = [NetworkSubject.of("EfficientNet-B0"), NetworkSubject.of("EfficientNet-B0", "dWr", 2.0, 96)]
    source = store_with(tmp_path / "m.sqlite", *((subject, Settings(batch=4)) for subject in subjects))
    table = load(source)
    assert table.frame["seconds"].tolist() == [0.05, 0.05]
    assert table.frame["batch"].tolist() == [4, 4]
    base = subjects[1].network()
    assert table.frame["flops"][1] == base.complexity().flops
    assert table.frame["resolution"].tolist() == [224, base.resolution]
    assert table.frame["architecture"].nunique() == 2
    assert scale(zoo.network("EfficientNet-B0"), "dWr", factor=1).base.name == "EfficientNet-B0"
    assert table.provenance["device"] == "A CPU"
    assert table.provenance["mode"] == "inference"


def test_settings_of_a_store_are_chosen_from(tmp_path: Path) -> None:
    subject = NetworkSubject.of("ResNet-18")
    source = store_with(tmp_path / "m.db", (subject, Settings(batch=4)), (subject, Settings(batch=4, mode="train")))
    with pytest.raises(InvalidInput, match=r"choose by --where mode=\.\.\. of forward, train"):
        load(source)
    assert load(source, setting={"mode": "train"}).provenance["mode"] == "training"
    with pytest.raises(InvalidInput, match="no measured network with mode=x"):
        load(source, setting={"mode": "x"})
    with pytest.raises(InvalidInput, match="cannot be chosen from by batch"):
        load(source, setting={"batch": "4"})


def test_an_empty_store_and_a_foreign_database(tmp_path: Path) -> None:
    import sqlite3

    with pytest.raises(InvalidInput, match="no measured network"):
        load(store_with(tmp_path / "empty.sqlite"))
    foreign = sqlite3.connect(tmp_path / "foreign.sqlite")
    foreign.execute("CREATE TABLE t (x)")
    foreign.close()
    with pytest.raises(InvalidInput, match="no store of measurements"):
        load(str(tmp_path / "foreign.sqlite"))


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_the_shared_tables_match(mode: str, shared_data: Path) -> None:
    for path in sorted((shared_data / "timm").glob(f"benchmark-{mode}-*.csv"))[:1]:
        table = load(str(path))
        assert table.mismatched == ()
        assert table.known["network"].nunique() >= 120
        assert len(table.unknown) > 100
