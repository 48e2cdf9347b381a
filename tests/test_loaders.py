"""Loading tables of measured times: timm's CSV, plain CSV, the store; and what is said of bad ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.correlation import correlations
from complexity_theory.evidence.csv_files import timm_provenance
from complexity_theory.evidence.loaders import load_table
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, NetworkSubject, Settings, Task
from complexity_theory.measurement.store import Store
from complexity_theory.networks import files
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
    table = load_table(source)
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
    table = load_table(source)
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
    table = load_table(source)
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
        load_table(source)
    assert load_table(source, setting={"mode": "training"}).frame["batch"].tolist() == [256]
    with pytest.raises(InvalidInput, match="not both"):
        load_table(source, setting={"mode": "both"})
    with pytest.raises(InvalidInput, match="dtype cannot be chosen"):
        load_table(source, setting={"mode": "training", "dtype": "amp"})


def test_plain_csv(tmp_path: Path) -> None:
    source = written(
        tmp_path / "plain.csv",
        "network,seconds,batch,resolution",
        "ResNet-50,0.01,8,160",
        "resnet18,0.004,8,160",
        "x,1,1,1",
    )
    table = load_table(source)
    assert table.frame["resolution"].tolist() == [160, 160]
    assert table.frame["weights"].tolist() == [
        (25_557_032 - 2_049_000) / 8,
        (11_689_512 - 513_000) / 8,
    ]  # less the linear layer's
    assert table.unknown == ("x",)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["model,top1", "resnet50,80"], "no column batch: a table of times has network, seconds"),
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
        ([INFER, ",224,9,1,8,25.56,4.1,11.1"], "no row that can be used: line 2: model is empty"),
        ([PLAIN, "resnet50,-1,1"], "seconds of resnet50 must be a number from 1e-09 to 1e\\+06, not -1"),
        ([PLAIN, "resnet50,1e-320,1"], "seconds of resnet50 must be a number from"),
        ([PLAIN, "resnet50,1e300,1"], "seconds of resnet50 must be a number from"),
        ([PLAIN, "resnet50,inf,1"], "seconds of resnet50 is 'inf', not a number"),
        ([PLAIN, "resnet50,True,1"], "seconds of resnet50 is 'True', not a number"),
        ([PLAIN, 'resnet50,"0,001848",1'], "seconds of resnet50 is '0,001848', not a number as 1234.5"),
        ([PLAIN, 'resnet50,"1,234",1'], "seconds of resnet50 is '1,234', not a number"),
        ([PLAIN, "resnet50,1,0"], "batch of resnet50 must be a whole number from 1 to 1e\\+06, not 0"),
        ([PLAIN, "resnet50,1,2.5"], "batch of resnet50 must be a whole number .* not 2.5"),
        ([PLAIN, "resnet50,1,1e30"], "batch of resnet50 must be a whole number .* not 1e\\+30"),
        ([f"{PLAIN},resolution", "resnet50,1,1,1e12"], "resolution of resnet50 must be a whole number .* not 1e\\+12"),
        ([f"{PLAIN},resolution", "resnet50,1,1,inf"], "resolution of resnet50 is 'inf', not a number"),
        ([PLAIN, ",1,1"], "no row that can be used: line 2: network is empty"),
        ([PLAIN, "resnet50,1,1,1"], "no row that can be used: line 2: it has 4 cells, the header 3"),
        ([f"{PLAIN},seconds", "resnet50,1,1,2"], "more than one column 'seconds'"),
        ([PLAIN, "resnet50,٣,1"], "seconds of resnet50 is '٣', not a number"),
        ([PLAIN, "resnet50,²,1"], "seconds of resnet50 is '²', not a number"),
        ([PLAIN, f"resnet50,1,{'9' * 5000}"], "batch of resnet50 must be a whole number"),
        (["network,latency,batch", "resnet50,1,1"], "column latency has no unit: call it latency_s, latency_ms"),
        (["network,latency_ms,time_us,batch", "resnet50,1,1,1"], "several columns of times: latency_ms, time_us"),
        (["network,batch", "resnet50,1"], "no column seconds"),
        ([f"{PLAIN},flops", "mine,1,1,100"], "mine has flops, not all of flops, params, acts"),
        ([f"{PLAIN},flops,params,acts", "mine,1,1,100,0,5"], "params of mine must be positive, not 0"),
        ([PLAIN, "absent.toml,1,1"], "line 2: cannot read .*absent.toml: No such file"),
        ([",".join("a" * (i + 1) for i in range(1001))], "more than 1,000 columns of a table"),
        (["," * 2**20], "more than 1,000 columns of a table"),
    ],
)
def test_bad_tables_are_refused(lines: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=said) as error:
        load_table(written(tmp_path / "bad.csv", *lines))
    assert len(str(error.value).splitlines()) == 1


def test_a_bad_row_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    good = "resnet50,224,9,1,8,25.56,4.1,11.1"
    bad = [good.replace("9", ""), ",224,9,1,8,25.56,4.1,11.1", good.replace("8,", "many,"), good + ",1", '"' + good]
    table = load_table(written(tmp_path / "t.csv", INFER, good, *bad, good))
    assert len(table.frame) == 2
    assert [line.split(":")[0] for line in table.aside] == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    assert "infer_samples_per_sec of resnet50 is '', not a number" in table.aside[0]
    assert table.notes[0].startswith("5 rows set aside: line 3: infer_samples_per_sec of resnet50")


def test_every_shared_table_loads_and_its_blank_cells_are_told(shared_data: Path) -> None:
    tables = {path.stem: load_table(str(path)) for path in sorted((shared_data / "timm").glob("benchmark-*.csv"))}
    assert len(tables) == 8
    blank = tables["benchmark-infer-amp-nchw-pt210-cu121-rtx3090"]
    assert blank.known["network"].nunique() >= 100
    assert blank.aside == ()  # the rows with blank cells are of networks that nobody knows here
    assert "eva02_enormous_patch14_clip_224" in blank.unknown


def test_tags_of_weights_are_no_other_networks(tmp_path: Path) -> None:
    lines = ["resnet50.a1_in1k,224,9,1,8,25.56,4.1,11.1", "tf_efficientnet_b0.ns_jft_in1k,224,9,1,8,5.29,0.4,6.75"]
    table = load_table(written(tmp_path / "t.csv", INFER, *lines))
    assert table.frame["network"].tolist() == ["ResNet-50", "EfficientNet-B0"]
    assert table.frame["twin"].tolist() == [False, True]
    assert not zoo.knows("resnet50.toml")
    assert not zoo.knows("resnet51.a1_in1k")


@pytest.mark.parametrize(
    ("header", "row", "seconds"),
    [
        ("network;seconds;batch", "resnet50;0.5;4", 0.5),
        ("network seconds  batch", "resnet50   0.5 4", 0.5),
        ("network\tseconds\tbatch", "resnet50\t0.5\t4", 0.5),
        ("model,latency_ms,batch_size", "resnet50,500,4", 0.5),
        ("Model,Latency (ms),Batch size", "resnet50,500,4", 0.5),
        ("name,time_us,bs", "resnet50,500000,4", 0.5),
        ("arch,runtime [µs],batch", "resnet50,500000,4", 0.5),
        ("network,ms,batch", "resnet50,500,4", 0.5),
        ("network,latency_ms_per_batch,batch", "resnet50,2000,4", 0.5),
        ("network,images_per_second,batch", "resnet50,2,4", 0.5),
        ("network,img/s,batch", "resnet50,2,4", 0.5),
        ("network,seconds,latency_ms,batch", "resnet50,0.5,1,4", 0.5),
        ("\ufeffnetwork,seconds,batch,", "resnet50,0.5,4,", 0.5),
    ],
)
def test_columns_as_people_name_them(header: str, row: str, seconds: float, tmp_path: Path) -> None:
    (found,) = load_table(written(tmp_path / "t.csv", "# mine", header, row)).frame.to_dict("records")
    assert (found["network"], found["batch"]) == ("ResNet-50", 4)
    assert found["seconds"] == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("seconds", 7.8, "are the times milliseconds"),
        ("seconds", 0.0078, None),
        ("latency_ms", 7.8, None),
        ("time_us", 7.8e6, "of a smaller unit"),
        ("time_us", 7.8e-9, "seconds of resnet50 must be"),
        ("latency_ms", 1e-5, "more than any device does"),
    ],
)
def test_times_in_another_unit_are_warned_of(column: str, value: float, said: str | None, tmp_path: Path) -> None:
    source = written(tmp_path / "t.csv", f"network,{column},batch", f"resnet50,{value},1", f"resnet18,{value / 2},1")
    if said and said.startswith("seconds"):
        with pytest.raises(InvalidInput, match=said):
            load_table(source)
    else:
        assert [said in note for note in load_table(source).notes] == ([True] if said else [])


def test_networks_of_ones_own(tmp_path: Path) -> None:
    files.dump(replace(zoo.network("ResNet-18"), name="mine", family="mine", resolution=96), tmp_path / "mine.toml")
    source = written(
        tmp_path / "t.csv",
        "network,seconds,batch,flops,params,acts,family",
        "mine.toml,0.01,8,,,,",
        "theirs,0.02,8,1e9,1e6,2e6,theirs",
        "resnet50,0.03,8,2e9,1e6,2e6,",
        f"ResNet-18,0.02,8,{zoo.network('ResNet-18').complexity().flops},11689512,2483048,",
        "nobody,1,1,,,,",
    )
    table = load_table(source)
    first, second, third, fourth = table.frame.fillna({"network": ""}).to_dict("records")
    assert (first["network"], first["resolution"], first["family"]) == ("mine", 96, "mine")
    assert first["flops"] == zoo.network("ResNet-18").complexity(96).flops
    assert first["kernels"] > 0
    assert (second["network"], second["family"], second["flops"]) == ("", "theirs", 1e9)
    assert (third["network"], third["flops"]) == ("", 2e9)  # of the zoo by name alone
    assert fourth["network"] == "ResNet-18"
    assert table.unknown == ("nobody",)
    assert len(table.known) == 2
    assert "2 of which only counts are known" in " ".join(table.notes)
    assert correlations(table)["n"].tolist() == [4] * 3


def test_thousands_of_timm_are_grouped(tmp_path: Path) -> None:
    row = 'regnety_040,"1,640.5",600.0,"1,024",224,20.65'
    (found,) = load_table(written(tmp_path / "t.csv", TRAIN, row)).frame.to_dict("records")
    assert (found["seconds"], found["batch"]) == (1 / 1640.5, 1024)


def test_unknown_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no table 'a100': one of v100-inference"):
        load_table("a100")
    with pytest.raises(InvalidInput, match="one setting only"):
        load_table("v100-training", setting={"mode": "training"})
    for path in (str(tmp_path), "x" * 5000, "/" + "x" * 5000, "/proc/self/mem"):
        with pytest.raises(InvalidInput) as error:
            load_table(path)
        assert len(str(error.value)) < 250
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_table(str(tmp_path / "bytes.csv"))


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
    table = load_table(source)
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
        load_table(source)
    assert load_table(source, setting={"mode": "train"}).provenance["mode"] == "training"
    with pytest.raises(InvalidInput, match="no measured network with mode=x"):
        load_table(source, setting={"mode": "x"})
    with pytest.raises(InvalidInput, match="cannot be chosen from by batch"):
        load_table(source, setting={"batch": "4"})


def test_an_empty_store_and_a_foreign_database(tmp_path: Path) -> None:
    import sqlite3

    with pytest.raises(InvalidInput, match="no measured network"):
        load_table(store_with(tmp_path / "empty.sqlite"))
    foreign = sqlite3.connect(tmp_path / "foreign.sqlite")
    foreign.execute("CREATE TABLE t (x)")
    foreign.close()
    with pytest.raises(InvalidInput, match="no store of measurements"):
        load_table(str(tmp_path / "foreign.sqlite"))


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_the_shared_tables_match(mode: str, shared_data: Path) -> None:
    for path in sorted((shared_data / "timm").glob(f"benchmark-{mode}-*.csv"))[:1]:
        table = load_table(str(path))
        assert table.mismatched == ()
        assert table.known["network"].nunique() >= 120
        assert len(table.unknown) > 100
