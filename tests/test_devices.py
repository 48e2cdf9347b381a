"""Device profiles: fitted, written, read, and what they predict."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from complexity_theory import zoo
from complexity_theory.choice.compare import STRATEGIES, compare
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices import profile as devices
from complexity_theory.devices.balance import crossovers
from complexity_theory.devices.features import network_features
from complexity_theory.devices.memory import memory
from complexity_theory.devices.prediction import predict, seconds
from complexity_theory.devices.prior import believe
from complexity_theory.devices.profile import VERSION, Profile, Spread, load_profile, write
from complexity_theory.devices.terms import TERMS
from complexity_theory.evidence import published
from complexity_theory.evidence.evaluation import few_rows, scope
from complexity_theory.evidence.fitting import fit_profile
from complexity_theory.evidence.table import TimeTable


@pytest.fixture(scope="module")
def v100() -> Profile:
    return load_profile("v100-training")


@pytest.mark.parametrize("name", ["v100-inference", "v100-training"])
def test_shipped_profiles_are_what_their_tables_give(name: str) -> None:
    fitted, shipped = fit_profile(published.table(name), name), load_profile(name)
    assert fitted.coefficients == pytest.approx(shipped.coefficients, rel=1e-3, abs=1e-18)
    assert fitted.architecture.mape == pytest.approx(shipped.architecture.mape, rel=1e-2)
    other = fit_profile(published.table("v100-inference" if name == "v100-training" else "v100-training"), name)
    assert other.coefficients != pytest.approx(shipped.coefficients, rel=1e-3, abs=1e-18)


@pytest.mark.parametrize("name", devices.names())
def test_every_shipped_profile_can_be_used(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert {"source", "device", "mode", "software", "fitted"} <= set(profile.provenance)
    assert profile.mode in ("inference", "training")
    assert profile.kin is not None
    assert profile.architecture.low < 1 < profile.architecture.high
    assert profile.kin.low < 1 < profile.kin.high
    found = predict(zoo.network("RegNetY-4.0GF"), profile)
    assert 0 < found.low < found.seconds < found.high
    assert sum(found.terms.values()) == pytest.approx(found.seconds)


def test_a_profile_survives_its_file(tmp_path: Path) -> None:
    profile = fit_profile(published.table("v100-inference"), "mine", today=date(2026, 1, 2))
    write(profile, tmp_path / "mine.toml")
    assert load_profile(str(tmp_path / "mine.toml")) == profile
    text = (tmp_path / "mine.toml").read_text()
    assert 'fitted = "2026-01-02"' in text
    assert all(f"{name} = " in text for name in TERMS)


def part(rows: slice | list[int]) -> TimeTable:
    """Some rows of a table."""
    table = published.table("v100-inference")
    return TimeTable("x", table.frame.iloc[rows].reset_index(drop=True), table.provenance)


def test_a_profile_of_one_kin_predicts_with_what_it_has() -> None:
    table = published.table("v100-inference")
    regnets = table.frame["family"].str.startswith("RegNet").to_numpy().nonzero()[0].tolist()
    profile = fit_profile(part(regnets), "x")
    assert (profile.n, profile.kin) == (24, None)
    found = predict(zoo.network("ResNet-50"), profile)
    assert found.high == found.seconds * profile.architecture.high
    assert "ResNet is not among the kin" in found.warnings[0]


def test_four_networks_make_a_profile_with_a_wider_interval() -> None:
    table = published.table("v100-inference")
    chosen = few_rows(scope(table.known, "extended"), believe(table.provenance))
    few, whole = fit_profile(part(chosen), "few"), load_profile("v100-inference")
    assert few.n == 4
    assert few.kin is not None
    assert min(few.kin.high, few.architecture.high) > whole.architecture.high
    rows = [row for i, row in enumerate(table.frame.to_dict("records")) if i not in chosen]
    found = [predict(zoo.network(row["name"]), replace(few, fitted=whole.fitted), batch=row["batch"]) for row in rows]
    inside = [one.low <= row["seconds"] <= one.high for one, row in zip(found, rows, strict=True)]
    assert np.mean(inside) >= 0.9
    assert fit_profile(part(chosen[:1]), "one").architecture.high > 1.2


@pytest.mark.parametrize("name", ["v100-inference", "v100-training"])
def test_intervals_hold_for_networks_that_the_profile_was_not_fitted_to(name: str) -> None:
    """Each kin predicted from a profile of the others, batches aside: its interval is that of kin not known."""
    table = published.table(name)
    inside = []
    for kin in ("EfficientNet", "RegNet", "ResNet"):
        mine = table.frame["family"].map(zoo.kin) == kin
        profile = fit_profile(TimeTable("x", table.frame[~mine].reset_index(drop=True), table.provenance), "x")
        profile = replace(profile, fitted=load_profile(name).fitted)
        for row in table.frame[mine].to_dict("records"):
            found = predict(zoo.network(row["name"]), profile, batch=row["batch"])
            inside.append(found.low <= row["seconds"] <= found.high)
    assert len(inside) == 36
    assert np.mean(inside) >= 0.8


@pytest.mark.parametrize("name", [name for name in devices.names() if load_profile(name).n >= 200])
def test_shipped_intervals_cover_what_they_name(name: str) -> None:
    profile = load_profile(name)
    assert profile.kin is not None
    for spread in (profile.architecture, profile.kin):
        assert spread.coverage is not None
        assert 0.87 <= spread.coverage <= 0.99


def test_warnings_outside_the_fitted_range(v100: Profile) -> None:
    assert predict(zoo.network("ResNet-50"), v100).warnings == ()
    larger = predict(zoo.network("ResNet-50"), v100, batch=4096)
    assert "batch 4,096 is outside" in larger.warnings[0]
    assert "upper bound" in larger.warnings[0]
    assert larger.seconds == predict(zoo.network("ResNet-50"), v100, batch=round(v100.fitted["batch"][2])).seconds
    giant = zoo.network("RegNetY-32GF").scaled(width=2, group_width=2)
    assert [line.split()[0] for line in predict(giant, v100).warnings] == ["flops", "params"]
    small = predict(replace(zoo.network("RegNetX-200MF"), resolution=64), v100)
    assert [line.split()[0] for line in small.warnings] == ["resolution", "flops", "acts"]
    vgg = predict(zoo.network("vgg16"), v100)
    assert "VGG is not among the kin" in vgg.warnings[0]
    assert v100.kin is not None
    assert vgg.high == pytest.approx(vgg.seconds * v100.kin.high)
    tiny = predict(zoo.network("TinyNet-A"), v100)
    assert tiny.high == pytest.approx(tiny.seconds * v100.architecture.high), "TinyNets are kin of EfficientNets"


def test_batches_below_the_fitted_ones_get_a_bound_and_no_prediction() -> None:
    profile, network = load_profile("rtx4090-eager-nchw"), zoo.network("ResNet-50")
    least = round(profile.fitted["batch"][0])
    with pytest.raises(
        InvalidInput, match=r"does not tell the time at batch 1, only that .* at least 0\.\d+ ms"
    ) as error:
        predict(network, profile, batch=1)
    assert f"{predict(network, profile, batch=least).low * 1e3:.3g} ms" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rtx4090", r"no profile 'rtx4090': of rtx4090 there are rtx4090-compiled-nchw \(inference\), rtx4090-eager"),
        ("rtx4090-training", r"of rtx4090 there are .*; of training, of other devices, .*rtx3090-training-nchw"),
        ("rtx4090-train-nchw", r"; of training, of other devices, "),
        ("v100", r"of v100 there are v100-inference \(inference\), v100-training \(training\); or the path"),
    ],
)
def test_a_mode_without_a_profile_is_told_with_what_there_is(name: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        load_profile(name)


def test_profiles_of_version_1_are_read(tmp_path: Path) -> None:
    data = load_profile("v100-training").as_dict()
    del data["version"], data["seconds_per_unit"]["group_macs"], data["seconds_per_unit"]["linear_weights"]
    data["held_out"] = {"architecture": {"mape": 0.1, "low": 0.9, "high": 1.1}}
    data["held_out"]["family"] = {"mape": 0.2, "low": 0.8, "high": 1.2}
    (tmp_path / "old.toml").write_text(tomli_w.dumps(data))
    old = load_profile(str(tmp_path / "old.toml"))
    assert (old.architecture, old.kin) == (Spread(0.1, 0.9, 1.1), Spread(0.2, 0.8, 1.2))
    assert old.coefficients["group_macs"] == 0
    assert old.coefficients["linear_weights"] == old.coefficients["weights"]
    assert predict(zoo.network("ResNet-50"), old).seconds > 0
    write(old, tmp_path / "new.toml")
    assert load_profile(str(tmp_path / "new.toml")) == old
    assert f"version = {VERSION}" in (tmp_path / "new.toml").read_text()


def test_a_batch_below_one_is_refused(v100: Profile) -> None:
    with pytest.raises(InvalidInput, match="batch must be at least 1"):
        predict(zoo.network("ResNet-50"), v100, batch=0)


def test_seconds_of_many_variants_at_once(v100: Profile) -> None:
    base = zoo.network("EfficientNet-B0")
    many = seconds(v100, network_features(base.scaled(width=np.array([1, 2, 3]))), 64)
    for i, width in enumerate((1, 2, 3)):
        assert many[i] == pytest.approx(predict(base.scaled(width=width), v100, batch=64).seconds)


def test_compare_ranks_all_strategies_by_time(v100: Profile) -> None:
    choices, left_out = compare(zoo.network("EfficientNet-B0"), 1.0e9, v100)
    assert left_out == []
    assert {choice.strategy for choice in choices} == set(STRATEGIES)
    times = [choice.prediction.seconds for choice in choices]
    assert times == sorted(times)
    assert all(abs(choice.scaled.deviation) < 0.05 for choice in choices)
    by_name = {choice.strategy: choice.prediction.seconds for choice in choices}
    assert by_name["dWr"] < by_name["dwr"] < by_name["dr"]


def test_compare_says_which_strategies_fall_out_and_refuses_if_all_do(v100: Profile) -> None:
    network = zoo.network("RegNetX-200MF")
    choices, left_out = compare(network, 5e7, v100, strategies=("d", "w"))
    assert [choice.strategy for choice in choices] == ["w"]
    assert left_out[0].startswith("d: ")
    with pytest.raises(InvalidInput, match="out of reach"):
        compare(network, 5e7, v100, strategies=("d",))


def test_the_crossover_is_where_the_balance_is(v100: Profile) -> None:
    row = crossovers(zoo.network("EfficientNet-B0"), v100)
    assert row["governed_by"] == "acts"
    # Under w, flops per act grow as the square root of s.
    assert row["flops_per_act"] * row["s, w"] ** 0.5 == pytest.approx(row["balance"])
    assert row["s, w"] < row["s, dWr"] < row["s, dwr"]
    free = replace(v100, coefficients={**v100.coefficients, "macs": 0.0})
    assert crossovers(zoo.network("EfficientNet-B0"), free)["s, w"] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((r"seconds_per_unit", "seconds"), "unknown field 'seconds': one of version, name, .*seconds_per_unit"),
        (
            (r"\[held_out.architecture\]", "[held_out.other]"),
            "held_out: unknown field 'other': one of architecture, kin",
        ),
        (("version = 2", "version = 0"), "version must be from 1 to 2, not 0"),
        ((r"low = .*", ""), "held_out: architecture: low is missing"),
        ((r"low = .*", "low = 3"), r"held_out: architecture: low and high must ascend, not be 3, 1\.\d+"),
        ((r"low = .*", "low = 0"), "held_out: architecture: low must be a number from 1e-9 to 1e9, not 0"),
        ((r"mape = .*", "mape = nan"), "held_out: architecture: mape must be a number from 0 to .* not nan"),
        ((r"\nmacs = .*", "\nmacs = -2"), "seconds_per_unit: macs must be a number from 0 to 1e12, not -2"),
        ((r"\nmacs = .*", "\nmacs = inf"), "seconds_per_unit: macs must be a number .* not inf"),
        ((r"\nmacs = .*", "\nmacs = 1e300"), "seconds_per_unit: macs must be a number .* not 1e\\+300"),
        ((r"\nmacs = .*", "\nmacs = 1e-300"), "nor between 0 and 1e-30"),
        ((r"\nmacs = .*", "\nmacs = true"), "seconds_per_unit: macs must be a number .* not True"),
        ((r"\nmacs = .*", '\nmacs = "1"'), "seconds_per_unit: macs must be a number .* not '1'"),
        (("networks = 36", 'networks = "many"'), "networks must be a whole number from 1 to 10.9, not 'many'"),
        (("networks = 36", "networks = 0"), "networks must be a whole number from 1 to 10.9, not 0"),
        (("networks = 36", "networks = 1.5"), "networks must be a whole number from 1 to 10.9, not 1.5"),
        (("networks = 36", f"networks = 0x{'f' * 5000}"), "networks must be a whole number"),
        ((r"families = \[", "families = [3, "), "family 1 must be text of at most 1000 characters, not 3"),
        (('mode = "training"', 'mode = "dreaming"'), "provenance: mode must be one of inference, training, not 'dream"),
        (('precision = "fp32"', 'precision = "int8"'), "provenance: precision must be one of fp32, .* not 'int8'"),
        (("median = 64.0", "median = 0.4"), "fitted_range: batch: median must be a number from 1 to 1e18, not 0.4"),
        (
            ("median = 64.0", "median = 640.0"),
            "fitted_range: batch: least, median and most must ascend, not be 8, 640, 128",
        ),
        (('name = "v100-training"', f'name = "{"x" * 5000}"'), "name must be a line of 1 to 80 characters"),
        (('name = "v100-training"', r'name = "a\\nb"'), "name must be a line of 1 to 80 characters"),
        ((r"\[provenance\]", "[provenance"), "is no valid TOML: Expected"),
        (("version = 2", "version = 3"), "version must be from 1 to 2, not 3"),
        (("version = 2", 'version = "2"'), "version must be from 1 to 2, not '2'"),
        (
            (r"coverage = .*", "coverage = 1.5"),
            "held_out: architecture: coverage must be a number from 0 to 1, not 1.5",
        ),
        (("networks = 36", f"networks = {'[' * 5000}"), "is no valid TOML: it is nested too deeply"),
    ],
)
def test_what_is_no_profile_is_refused(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    write(load_profile("v100-training"), path)
    path.write_text(re.sub(*change, path.read_text(), count=1))
    with pytest.raises(InvalidInput, match=said) as error:
        load_profile(str(path))
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 400


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    for table in ("provenance", "seconds_per_unit", "held_out", "fitted_range"):
        data = {**load_profile("v100-training").as_dict(), table: 3}
        (tmp_path / "bad.toml").write_text(tomli_w.dumps(data))
        with pytest.raises(InvalidInput, match=f"{table} must be named fields, not 3"):
            load_profile(str(tmp_path / "bad.toml"))


def test_what_could_not_be_loaded_is_not_written(v100: Profile, tmp_path: Path) -> None:
    free = replace(v100, coefficients=dict.fromkeys(TERMS, 0.0))
    with pytest.raises(InvalidInput, match=r"free\.toml is not written: seconds_per_unit must not all be 0"):
        write(free, tmp_path / "free.toml")
    with pytest.raises(InvalidInput, match="cannot write"):
        write(v100, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sizes_beyond_floats_are_refused(v100: Profile) -> None:
    network = zoo.network("EfficientNet-B0")
    for large in (replace(network, resolution=10**12), network.scaled(width=10**30), network.scaled(width=10**400)):
        for refuses in (predict, crossovers):
            with pytest.raises(InvalidInput, match=r"flops of EfficientNet-B0.* must be at most 1e\+18, not \d"):
                refuses(large, v100)
    with pytest.raises(InvalidInput, match=r"batch must be at most 1,000,000, not 1\.00e\+400"):
        predict(network, v100, batch=10**400)
    for target in (1e300, float("inf"), float("nan")):
        with pytest.raises(InvalidInput, match=r"a target must be from 1 to 1e\+18 flops, not (1e\+300|inf|nan)"):
            compare(network, target, v100)
    assert memory(replace(network, resolution=10**6), 10**6, v100).total > 1e19


def test_a_network_that_takes_no_time_is_refused(v100: Profile) -> None:
    only = replace(v100, coefficients={**dict.fromkeys(TERMS, 0.0), "uneven_groups": 1e-9})
    with pytest.raises(InvalidInput, match="v100-training takes no time for anything that ResNet-50 does"):
        predict(zoo.network("ResNet-50"), only)


def test_unknown_devices_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"unknown device 'v200': one of .*v100-training"):
        load_profile("v200")
    for path in ("nowhere.toml", f"{'x' * 5000}.toml", "x" * 5000, "\0.toml"):
        with pytest.raises(InvalidInput, match=r"cannot read nowhere|cannot read x|unknown device|null byte") as error:
            load_profile(path)
        assert len(str(error.value)) < 600
