"""What a store holds is what was measured, whoever else reads or writes it; older stores lose nothing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.correlation import correlations
from complexity_theory.evidence.fitting import fit_profile
from complexity_theory.evidence.loaders import load_table, network_of
from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement import worker
from complexity_theory.measurement.engines import LOOK
from complexity_theory.measurement.frame import EXPORTS, read
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Description, Job, ModuleSubject, NetworkSubject, Task
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import Study, expand
from complexity_theory.measurement.sweep import looked_up, measure, run
from complexity_theory.networks import files
from tests.fake_engine import PLACE, RULES, FakeEngine, Silent, jobs, measured

ROOT = Path(__file__).resolve().parents[1]
FORMER = Path(__file__).parent / "data" / "store_schema_1.sql"


def timed(task: Task) -> Outcome:
    """A time that grows with the acts; of a module, counts that the worker found."""
    counts = {"flops": 8104, "params": 224, "acts": 288}
    if isinstance(task.job.subject, ModuleSubject):
        outcome = measured(task, [1e-4] * 4)
        return replace(outcome, result={**outcome.result, "counts": counts})
    return measured(task, [(task.job.description["acts"] or 1) * 1e-8] * 4)


def swept(path: Path, planned: list[Job], engine: FakeEngine | None = None) -> FakeEngine:
    engine = engine or FakeEngine(timed)
    store = Store(path)
    try:
        run(planned, store, engine, RULES, Silent(), place=PLACE)
    finally:
        store.close()
    return engine


def variant(path: Path, **changes: object) -> str:
    """A network file that keeps the name of the zoo's ResNet-18, with its stages changed."""
    base = zoo.network("ResNet-18")
    stages = tuple(replace(stage, **changes) for stage in base.stages)  # type: ignore[arg-type]
    files.dump(replace(base, stages=stages), path)
    return str(path)


def test_a_network_file_is_read_back_from_the_store_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    files.dump(replace(zoo.network("ResNet-18"), name="mine", family="mine"), file)
    swept(tmp_path / "m.sqlite", expand({"networks": ["ResNet-18", "EfficientNet-B0", str(file), "ResNet-34"]}))
    file.unlink()
    table = load_table(str(tmp_path / "m.sqlite"))
    assert table.known["network"].tolist() == ["ResNet-18", "EfficientNet-B0", "mine", "ResNet-34"]
    assert table.known["family"].tolist()[2] == "mine"
    assert correlations(table)["n"].tolist() == [4] * 3


def test_a_file_that_keeps_a_name_of_the_zoo_counts_as_itself(tmp_path: Path) -> None:
    file = variant(tmp_path / "deep.toml", depth=3)
    swept(tmp_path / "m.sqlite", expand({"networks": ["ResNet-18", file]}))
    frame = load_table(str(tmp_path / "m.sqlite")).frame
    base, deep = zoo.network("ResNet-18").complexity(), zoo.find(file).complexity()
    assert frame["name"].tolist() == ["ResNet-18"] * 2
    assert frame["flops"].tolist() == [base.flops, deep.flops]
    assert base.flops < deep.flops


def test_another_activation_of_the_same_name_and_counts_is_another_measurement(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    (first,) = expand({"networks": variant(file)})
    (second,) = expand({"networks": variant(file, activation="silu")})
    assert first.description["flops"] == second.description["flops"]
    assert first.key != second.key
    assert first.key == expand({"networks": "ResNet-18"})[0].key
    swept(tmp_path / "m.sqlite", [first])
    engine = swept(tmp_path / "m.sqlite", [first, second])
    assert {task.job for task in engine.ran} == {second}
    texts = read(tmp_path / "m.sqlite")["description"].map(json.loads)
    assert [text["stages"][0].get("activation") for text in texts] == [None, "silu"]


def test_notes_and_families_are_no_other_work(tmp_path: Path) -> None:
    base = zoo.network("ResNet-18")
    other = Job(NetworkSubject(replace(base, note="mine", family="Others")))
    assert other.key == Job(NetworkSubject(base)).key
    assert Job(NetworkSubject(replace(base, classes=10))).key != other.key


def test_the_same_network_named_twice_is_measured_once(tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    files.dump(zoo.network("ResNet-18"), copy)
    engine = swept(tmp_path / "m.sqlite", expand({"networks": ["ResNet-18", "resnet18", str(copy)]}))
    assert len(engine.ran) == RULES.rounds


def test_a_name_in_a_store_is_never_opened_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept(tmp_path / "m.sqlite", expand({"networks": ["ResNet-18", "ResNet-34"]}))
    trap = variant(tmp_path / "trap.toml")
    with sqlite3.connect(tmp_path / "m.sqlite") as db:
        db.execute("UPDATE jobs SET description = json_set(description, '$.network', ?)", (trap,))
    db.close()
    monkeypatch.setattr("complexity_theory.networks.files.load_network", lambda path: pytest.fail(f"opened {path}"))
    assert load_table(str(tmp_path / "m.sqlite")).frame["name"].tolist() == [trap, trap]


class Found(FakeEngine):
    """Finds modules that print as they are told to."""

    printed = "Fine()"

    def _call(self, function: str, *arguments: object, limit: float) -> Outcome:
        if function == LOOK:
            return Outcome("ok", result={"form": "module", "text": json.dumps({"module": self.printed})})
        return super()._call(function, limit=limit)


def test_a_module_that_was_changed_is_measured_anew(tmp_path: Path) -> None:
    engine, study = Found(timed), Study(tuple(expand({"modules": "a:b", "inputs": "3x8x8"})), RULES)
    rounds = [measure(study, tmp_path / "m.sqlite", engine, Silent())[0]]
    rounds.append(measure(study, tmp_path / "m.sqlite", engine, Silent())[0])
    engine.printed = "Finer()"
    rounds.append(measure(study, tmp_path / "m.sqlite", engine, Silent())[0])
    assert rounds == [2 + 4, 0, 2]  # the ceilings too, at first
    found = [json.loads(text)["module"] for text in read(tmp_path / "m.sqlite")["description"]]
    assert found == ["Fine()", "Finer()"]
    assert looked_up(study, engine).jobs[0].key != study.jobs[0].key


def test_modules_take_part_in_what_is_said_of_a_store(tmp_path: Path) -> None:
    planned = [*expand({"networks": ["ResNet-18", "ResNet-34", "ResNet-50"]}), *expand({"modules": ["a:b", "a:c"]})]
    swept(tmp_path / "m.sqlite", planned)
    table = load_table(str(tmp_path / "m.sqlite"))
    assert table.frame["family"].tolist() == ["ResNet"] * 3 + ["module"] * 2
    assert table.frame["flops"].tolist()[3:] == [8104, 8104]
    assert correlations(table).set_index("family").loc["all", "n"].tolist() == [5] * 3
    assert "2 of which only counts are known: `correlate` takes them, a fit cannot" in table.notes


def test_a_failed_job_leaves_integers_integers(tmp_path: Path) -> None:
    planned = [*jobs(2), *expand({"networks": "ResNet-18"}), *expand({"modules": "a:b"})]
    engine = FakeEngine(lambda task: Outcome("crashed", "why") if task.job.subject.kind == "module" else timed(task))
    swept(tmp_path / "m.sqlite", planned, engine)
    frame = read(tmp_path / "m.sqlite")
    whole = ("flops", "params", "acts", "n", "rounds", "peak_memory", "resolution", "base_resolution", "width", "batch")
    assert {name: frame[name].dtype.kind for name in whole} == dict.fromkeys(whole, "i")
    text = EXPORTS["csv"](frame)
    assert isinstance(text, str)
    assert f",{jobs(1)[0].description['flops']}," in text
    assert ".0," not in text.replace(",1.0,", "")  # the factor alone is a float


@pytest.mark.parametrize(
    ("setting", "value"), [("threads", 2), ("torch", "2.9"), ("driver", "570"), ("cpus", 3), ("cudnn", None)]
)
def test_settings_of_the_place_are_not_pooled_in_silence(tmp_path: Path, setting: str, value: object) -> None:
    store, planned = Store(tmp_path / "m.sqlite"), expand({"networks": ["ResNet-18", "ResNet-34"]})
    place = {**PLACE, "torch": "2.8", "driver": "550", "cpus": 2, "cudnn": 9}
    for where in (place, {**place, setting: value}):
        run(planned, store, FakeEngine(timed), RULES, Silent(), place=where)
    store.close()
    with pytest.raises(InvalidInput, match=f"several settings: choose by --where {setting}=... of ") as refused:
        load_table(str(tmp_path / "m.sqlite"))
    assert str(place[setting]) in str(refused.value)
    assert str(value) in str(refused.value)
    assert len(load_table(str(tmp_path / "m.sqlite"), setting={setting: str(value)}).frame) == 2


def test_clocks_that_differ_are_told(tmp_path: Path) -> None:
    store, planned = Store(tmp_path / "m.sqlite"), expand({"networks": ["ResNet-18", "ResNet-34"]})

    def clocked(task: Task) -> Outcome:
        outcome = timed(task)
        mhz = 1410 if task.job == planned[0] else 600
        conditions = {**outcome.result["conditions"], "device_mhz": str(mhz), "cpu_mhz": 3000.0}
        return replace(outcome, result={**outcome.result, "conditions": conditions})

    run(planned, store, FakeEngine(clocked), RULES, Silent(), place=PLACE)
    store.close()
    (note,) = load_table(str(tmp_path / "m.sqlite")).notes
    assert note == "rounds ran at device_mhz from 600 to 1410: times at different clocks are pooled"


# Older stores


def former(path: Path) -> Path:
    """A store of schema 1, as an earlier version wrote it."""
    with sqlite3.connect(path) as db:
        db.executescript(FORMER.read_text())
    db.close()
    return path


def test_an_older_store_is_read_as_it_is_and_stays_as_it_was(tmp_path: Path) -> None:
    path = former(tmp_path / "m.sqlite")
    before = path.read_bytes()
    frame = read(path).set_index("network")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["m.sqlite"]
    assert len(frame) == 8
    assert frame["n"].tolist() == [6, 6, 4, 6, 6, 6, 4, 0]
    here = frame[frame.device_name == "here"]
    own = zoo.network("EfficientNet-B0").complexity(96)
    assert here.loc["EfficientNet-B0", "flops"].tolist()[0] == own.flops
    described = here["description"].notna()
    assert described["EfficientNet-B0"].tolist() == [True] * 3
    assert not described["mine"]  # no name of today's zoo
    assert not described["ResNet-18"]  # a file that kept the name, with other counts
    assert here.loc["ResNet-18", "flops"] > zoo.network("ResNet-18").complexity().flops
    assert here.loc["tests.fake_modules:Fine", "flops"] == 8104


def test_an_older_store_is_gone_on_with_and_nothing_is_measured_again(tmp_path: Path) -> None:
    path, files_ = former(tmp_path / "m.sqlite"), tmp_path / "deep.toml"
    before = read(path)
    place = {**PLACE, "device_name": "here"}
    table = {"networks": "EfficientNet-B0", "resolutions": 96}
    planned = [*expand(table), *expand({**table, "strategies": "dWr", "factors": 4}), *expand({"layers": "conv"})]
    planned = [job for job in planned if job.subject.label != "conv 3x3 w64 r56"] + expand({"layers": "conv"})
    engine = FakeEngine(timed)
    store = Store(path)
    assert run(planned, store, engine, RULES, Silent(), place=place) == 0
    files.dump(replace(zoo.network("ResNet-18"), name="mine"), files_)
    assert run(expand({"networks": str(files_)}), store, engine, RULES, Silent(), place=place) == RULES.rounds
    store.close()
    after = read(path)
    columns = ["network", "flops", "params", "acts", "median", "n", "status", "reason", "device_name", "batch", "form"]
    assert after[columns].iloc[: len(before) - 1].equals(before[columns].iloc[:-1])
    assert len(after) == len(before) + 1


def test_two_processes_may_bring_the_same_store_up_to_date(tmp_path: Path) -> None:
    path = former(tmp_path / "m.sqlite")
    rows = read(path)
    code = "import sys; from complexity_theory.measurement.store import Store; Store(sys.argv[1]).close()"
    both = [subprocess.Popen([sys.executable, "-c", code, path], cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert read(path).equals(rows)


def test_a_damaged_older_store_is_told_and_left_alone(tmp_path: Path) -> None:
    path = former(tmp_path / "m.sqlite")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("DELETE FROM jobs WHERE rowid = 1")
    db.close()
    before = path.read_bytes()
    for opens in (Store, read):
        with pytest.raises(InvalidInput, match=r"is damaged: .*an attempt without its job"):
            opens(path)
    assert path.read_bytes() == before


MODULES = """
import torch
from torch import nn

def fine():
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    return nn.Sequential(*layers)

class Decomposes(nn.Module):
    def forward(self, x):
        return torch.linalg.svdvals(x)

def unknown():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), Decomposes())

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x).flatten(1)[:, : int(x.shape[0]) * 4].unique()

def branching():
    return Branches()
"""


def seen(path: Path, name: str) -> Description:
    """What a worker finds of a callable of ``MODULES``."""
    path.write_text(MODULES)
    return Description(**worker.look(ModuleSubject(f"{path}:{name}", 3, 8, 8)))


def test_a_module_is_kept_with_its_traced_graph_which_a_fit_reads(tmp_path: Path) -> None:
    found = seen(tmp_path / "mine.py", "fine")
    network = network_of(found.form, found.text)
    assert network is not None
    assert network.complexity() == Complexity(flops=14354, params=242, acts=514)
    about = json.loads(found.text)
    bare = {name: about[name] for name in ("module", "tensors")}
    assert found.key == Description("module", json.dumps(bare)).key  # no module is measured again for its graph


@pytest.mark.parametrize("name", ["unknown", "branching"])
def test_a_module_that_cannot_be_traced_says_why_in_a_line(tmp_path: Path, name: str) -> None:
    found = seen(tmp_path / "mine.py", name)
    assert network_of(found.form, found.text) is None
    why = json.loads(found.text)["untraced"]
    assert why
    assert "\n" not in why


class Looks(FakeEngine):
    """Looks at modules as workers do."""

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        found = super()._call(function, *arguments, limit=limit)
        return replace(found, result=worker.look(*arguments)) if function == LOOK else found


def test_modules_take_part_in_a_fit(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MODULES)
    planned = expand({"networks": ["ResNet-18", "ResNet-34", "ResNet-50"]})
    planned += expand({"modules": [f"{path}:fine", f"{path}:unknown"], "inputs": "3x8x8"})
    engine = Looks(timed)
    study = looked_up(Study(tuple(planned), RULES), engine)
    swept(tmp_path / "m.sqlite", list(study.jobs), engine)
    table = load_table(str(tmp_path / "m.sqlite"))
    assert table.known["architecture"].tolist() == ["ResNet-18", "ResNet-34", "ResNet-50", f"{path}:fine"]
    assert table.known["macs"].notna().all()
    assert fit_profile(table, "mine").n == 4
    assert any(note.startswith(f"{path}:unknown has counts alone, as it could not be traced: ") for note in table.notes)
