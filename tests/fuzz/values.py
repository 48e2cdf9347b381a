"""What is given to options and arguments: right values by metavar, of which a line is made, and wrong ones."""

from __future__ import annotations

import random
import re

# A right value of what must be given, by metavar. A new metavar has "1" until it stands here.
RIGHT = {
    "NETWORK": "ResNet-18",
    "STRATEGY": "w",
    "DEVICE": "v100-training",
    "LIBRARY": "pycls",
    "MODULE": "make.py:make",
    "STORE": "store.sqlite",
    "STORE...": "store.sqlite",
    "TABLE": "v100-training",
    "FILE": "out.toml",
    "FOLDER": "out",
}
# Further arguments of commands that do little without, or would do much.
MORE = {
    "derive": "dWr",
    "tables": "simple",
    "scale": "--strategy w --factor 2",
    "compare": "--factor 2 --device v100-training --rounding pycls",
    "choose": "--max-flops 4GF --strategy w --rounding pycls",
    "crossover": "--device v100-training",
    "runtime crossover": "ResNet-18 --device v100-training",
    "runtime compare": "--factor 2 --device v100-training --rounding pycls",
    "explore": "ResNet-18 --device v100-training --strategy w --rounding pycls -o page.html",
    "figures": "exponents --output out",
    "paper": "--output out",
    "measure scaling": "--quick",
    "measure layers": "--quick",
    "measure sweep": "study.toml",
    "measure plan": "study.toml",
    "measure module": "--input 3x8x8",
    "measure export": "--output rows.csv",
    "measure errors": "store.sqlite",
    "measure repeatability": "store.sqlite store.sqlite",
    "measure profile": "--quick",
    "measure accuracy": "--quick",
    "runtime prior": "--tables tables",
    "runtime profiles": "--tables tables --output out",
}
# Which kinds of file may stand for a value, by metavar: the names of ``files.seeds``.
FILES = {
    "NETWORK": ("network.toml", "network.json", "network.yaml", "make.py"),
    "NETWORK...": ("network.toml", "network.json", "network.yaml", "make.py"),
    "[NETWORK...]": ("network.toml", "network.json", "network.yaml", "make.py"),
    "DEVICE": ("profile.toml",),
    "TABLE": ("times.csv", "store.sqlite", "bench.csv"),
    "STORE": ("store.sqlite",),
    "STORE...": ("store.sqlite",),
    "STUDY": ("study.toml", "accuracy.toml"),
    "RECIPE": ("recipe.toml",),
    "FILE": ("profile.toml", "store.sqlite", "prior.toml"),
    "MODULE": ("make.py",),
}
WRONG = (
    *("", " ", "0", "-1", "1e999", "nan", "inf", "-inf", "1e-400", "²", "٣", "0x10", "9" * 5000, "1_000", "1,2,,"),
    *("," * 5000, "x" * 20000, "\x1b[31m", "<script>", "=1+1", "../..", "/dev/zero", "folder", "fifo", "loop", "None"),
    *("[]", "{}", "1/0", "1:2:3", "3x224x224", "0x0x0", "3x99999999x1", "auto:0", "fast:2", "fast:1/0", "dd", "d0_w0"),
    *(
        "EfficientNet",
        "timm:",
        "torchvision:nope",
        "a:b",
        "file.py:",
        "make.py:absent",
        "1msx",
        "-5ms",
        "8Gib",
        "\udcff",
    ),
    *(
        "params:x",
        "params:9/10,",
        "1e30GF",
        "é" * 300,
        "cuda:99",
        "tpu",
        "v100",
        "-",
        "--",
        "a\nb",
        "%s%n",
        "{0}",
        "1.5",
    ),
    *("True", "absent.toml", "absent.csv", "absent.sqlite", "/nowhere/x.toml", "/proc/self/mem", "'", "a=b", "*"),
)


def spoilt(text: str, draw: random.Random) -> str:
    """A right value with a slip of the hand in it, or a wrong one instead."""
    way = draw.randrange(8)
    if way > 3 or not text:
        return draw.choice(WRONG)
    at = draw.randrange(len(text))
    if way == 0:
        return text[:at] + text[at + 1 :]
    if way == 1:
        return text[:at] + draw.choice("xX0-.,;:/%é² ") + text[at:]
    if way == 2:
        return text + text
    return re.sub(r"\d", lambda digit: chr(0x0660 + int(digit[0])), text) if re.search(r"\d", text) else text.swapcase()
