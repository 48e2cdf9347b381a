"""The front door: scale and export."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from complexity_theory import zoo
from complexity_theory.cli import main
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.files import load_network, read

NETWORK_KEYS = {
    *(
        "network",
        "flops",
        "params",
        "acts",
        "resolution",
        "depths",
        "widths",
        "group_widths",
        "stem_width",
        "head_width",
    ),
}


def run(capsys, *arguments):
    """Exit status, standard output and standard error of the command."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_scale_by_a_factor(capsys):
    status, out, _ = run(
        capsys, "scale", "RegNetY-4.0GF", "--strategy", "d1_w8_g8_r1", "--factor", "4", "--format", "json"
    )
    data = json.loads(out)
    assert status == 0
    assert {*data["base"]} == NETWORK_KEYS
    assert {*data["scaled"]} == NETWORK_KEYS | {"note"}
    assert [data["scaled"][key] for key in ("flops", "params", "acts", "resolution")] == [
        *(15608249240, 68144472, 26542408, 240),
    ]
    assert (data["factor"], data["target"]) == (4, None)
    assert data["deviation"] == pytest.approx(-0.018, abs=1e-3)


def test_scale_to_a_target(capsys):
    status, out, _ = run(
        capsys, "scale", "efficientnet_b0", "--strategy", "dWr", "--target-flops", "1e9", "--format", "json"
    )
    data = json.loads(out)
    assert status == 0
    assert data["target"] == 10**9
    assert data["reached"] == data["scaled"]["flops"]
    assert abs(data["deviation"]) < 0.01
    assert {*data["dimensions"]} == {"depth", "width", "resolution"}


def test_scale_as_text(capsys):
    status, out, err = run(capsys, "scale", "RegNetY-400MF", "--strategy", "dWr", "--target-flops", "500e6")
    assert (status, err) == (0, "")
    assert "RegNetY-400MF scaled by dWr to 500MF, rounded by pycls" in out
    assert "500,000,000" in out


def test_units_rectangles_and_held_sizes(capsys, tmp_path):
    path = tmp_path / "mine.json"
    arguments = ("scale", "RegNetY-400MF", "--strategy", "dWr", "--target-flops", "2GF", "--resolution", "192x320")
    status, out, _ = run(capsys, *arguments, "--fix", "stage1,resolution", "-o", str(path), "--format", "json")
    data = json.loads(out)
    assert status == 0
    assert data["target"] == 2_000_000_000
    assert data["base"]["resolution"] == data["scaled"]["resolution"] == [192, 320]
    assert (data["scaled"]["widths"][0], data["scaled"]["depths"][0]) == (48, 1)
    assert load_network(path).complexity().flops == data["reached"]
    status, out, _ = run(capsys, "count", str(path), "--resolution", "64x96", "--format", "json")
    assert json.loads(out)["resolution"] == [64, 96]
    assert "64x96" in run(capsys, "count", str(path), "--resolution", "64x96")[1]


def test_a_configuration_of_pycls_is_a_network(capsys, tmp_path):
    path = tmp_path / "config.yaml"
    run(capsys, "export", "RegNetX-200MF", "--to", "pycls", "-o", str(path))
    status, out, _ = run(capsys, "count", str(path), "--format", "json")
    assert (status, json.loads(out)["flops"]) == (0, zoo.network("RegNetX-200MF").complexity().flops)


def test_a_target_that_is_missed_by_much_is_warned_of(capsys):
    status, out, err = run(
        *(capsys, "scale", "ResNet-18", "--strategy", "d", "--target-flops", "2.4e9", "--format", "json")
    )
    assert status == 0
    assert abs(json.loads(out)["deviation"]) > 0.03
    assert err.startswith("warning: the nearest sizes found miss the target by ")
    assert err.count("\n") == 1


def test_a_factor_that_the_flops_do_not_grow_by_is_warned_of(capsys):
    """Group widths stay along w, so that most flops of this network grow as the width and not as its square."""
    _, out, err = run(capsys, "scale", "RegNetY-4.0GF", "--strategy", "w", "--factor", "4", "--format", "json")
    reached = 1 + json.loads(out)["deviation"]
    assert reached < 0.8
    assert err.startswith(f"warning: the flops are multiplied by {4 * reached:.3g} (")
    assert run(capsys, "scale", "RegNetY-4.0GF", "--strategy", "d", "--factor", "4")[2] == ""


@pytest.mark.parametrize("wrong", [None, 3, True])
def test_a_network_is_found_by_text(wrong):
    for ask in (zoo.find, zoo.network):
        with pytest.raises(InvalidInput, match=f"not {wrong}"):
            ask(wrong)


def test_a_scaled_network_goes_on(capsys, tmp_path):
    path = str(tmp_path / "big.toml")
    assert run(capsys, "scale", "ResNet-50", "--strategy", "dwr", "--factor", "2", "-o", path)[0] == 0
    _, out, _ = run(capsys, "scale", path, "--strategy", "w", "--factor", "1", "--format", "json")
    assert json.loads(out)["base"]["network"] == "ResNet-50-dwr-x2"


def test_export_to_json_and_back(capsys, tmp_path):
    status, out, _ = run(capsys, "export", "RegNetZ-4GF", "--to", "json")
    assert status == 0
    assert read(json.loads(out)) == zoo.network("RegNetZ-4GF")
    path = tmp_path / "network.json"
    run(capsys, "export", "RegNetZ-4GF", "--strategy", "dWr", "--factor", "2", "--to", "json", "-o", str(path))
    assert load_network(path).name == "RegNetZ-4GF-dWr-x2"


def test_export_a_scaled_network(capsys):
    status, out, _ = run(
        capsys, "export", "regnety_040", "--strategy", "dWr", "--factor", "4", "--to", "pycls", "--rounding", "pycls"
    )
    assert status == 0
    assert "WIDTHS: [224, 336, 896, 1904]" in out


def test_export_a_snippet(capsys):
    status, out, _ = run(capsys, "export", "ResNet-50", "--to", "torchvision", "--snippet")
    assert status == 0
    compile(out, "snippet", "exec")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scale", "ResNet-50", "--strategy", "w"], "exactly one"),
        (["scale", "ResNet-50", "--strategy", "w", "--factor", "0"], "positive"),
        (["scale", "ResNet-50", "--strategy", "w", "--factor", "two"], "--factor"),
        (["scale", "ResNet-50", "--strategy", "g", "--factor", "2"], "scales nothing"),
        (["scale", "ResNet-5", "--strategy", "w", "--factor", "2"], "unknown network"),
        (["scale", "missing.toml", "--strategy", "w", "--factor", "2"], "cannot read missing.toml"),
        (["scale", "ResNet-50", "--strategy", "w", "--factor", "2", "-o", "x.yaml"], ".toml or .json"),
        (["scale", "ResNet-50", "--strategy", "w", "--target-flops", "1"], "out of reach"),
        (["export", "ResNet-50", "--to", "onnx"], "unknown export"),
        (["export", "VGG-16", "--to", "timm"], "timm cannot express VGG-16"),
        (["export", "ResNet-50", "--to", "json", "--factor", "2"], "--strategy"),
        (["export", "ResNet-50", "--to", "json", "--snippet"], "no Python snippet"),
        (["export", "ResNet-50", "--to", "json", "--rounding", "bogus"], "--strategy"),
        (["export", "ResNet-50", "--to", "json", "--strategy", "w", "--factor", "2", "--rounding", "bogus"], "'bogus'"),
        (["export", "ResNet-50", "--to", "json", "-o", "/proc/missing/x.json"], "cannot write"),
        (["scale", "RegNetY-4.0GF", "--strategy", "g", "--factor", "1e300"], "a factor must be in"),
        (["scale", "ResNet-50", "--strategy", "w", "--target-flops", "0.5"], "above 0 such as 3.1e9 or 8GF, not '0.5'"),
        (["scale", "ResNet-50", "--strategy", "fast:x", "--factor", "2"], "such as 0.6 or 3/5"),
        (["scale", "network.txt", "--strategy", "w", "--factor", "2"], "network files end in .toml, .json or .yaml"),
        (["scale", "mine.py", "--strategy", "w", "--factor", "2"], "given with what makes it: mine.py:make"),
        (["scale", "convnextv2_tiny", "--strategy", "w", "--factor", "2"], "(or timm:convnextv2_tiny, if timm has it)"),
        (["networks", "efficientnet"], "networks --help`"),
        (["scale", "missing.yaml", "--strategy", "w", "--factor", "2"], "cannot read missing.yaml"),
        (["scale", "ResNet-50", "--strategy", "w", "--target-flops", "8GX"], "such as 3.1e9 or 8GF, not '8GX'"),
        (["scale", "ResNet-50", "--strategy", "w", "--factor", "2", "--fix", "neck"], "no knob is named 'neck'"),
        (["export", "ResNet-50", "--to", "pycls", "--resolution", "384x640"], "its inputs are squares, not (384, 640)"),
        (
            ["scale", "ResNet-50", "--strategy", "w", "--factor", "2", "--resolution", "x"],
            "height x width such as 384x640",
        ),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, words):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def loaded(statements):
    """The heavy libraries that are loaded after some statements in a fresh interpreter."""
    code = f"import sys\n{statements}\nprint([m for m in ('sympy', 'torch', 'ray', 'matplotlib') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ast_literal(run.stdout.splitlines()[-1])


def ast_literal(text):
    """The list that a line shows."""
    return [name.strip("' ") for name in text.strip("[]").split(",") if name]


def test_scaling_and_exporting_load_neither_sympy_nor_torch():
    scaling = (
        "from complexity_theory import zoo\nfrom complexity_theory.scaling.realise import scale\n"
        "from complexity_theory.exports import export\n"
        "network = scale(zoo.network('EfficientNet-B0'), 'dWr', target_flops=1e9).network\n"
        "[export(network, to) for to in ('pycls', 'torchvision', 'timm', 'json')]"
    )
    assert loaded(scaling) == []
    assert loaded("import sympy") == ["sympy"]
