"""Files of every kind that commands read: good ones, and what is spoilt of them."""

from __future__ import annotations

import functools
import os
import random
import re
import tempfile
from pathlib import Path

import complexity_theory as ct
from complexity_theory.measurement.jobs import Task
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import expand
from complexity_theory.networks.files import dump
from tests.fake_engine import PLACE, measured
from tests.fuzz.values import WRONG

PACKAGE = Path(ct.__file__).parent
STRANGE = ("folder", "fifo", "loop")  # what stands in place of a file
SMALL: dict[str, str] = {
    "study.toml": '[[sweep]]\nnetworks = ["ResNet-18"]\nstrategies = ["w", "dWr"]\nfactors = [1, 2]\nbatches = [1, 4]\n'
    '[[sweep]]\nlayers = ["conv"]\nkernels = [1, 3]\nwidths = [8, 16]\nresolutions = [7]\n',
    "recipe.toml": 'epochs = 2\nbatch = 32\nlr = 0.1\noptimizer = "sgd"\n',
    "times.csv": "network,batch,seconds\nResNet-50,8,0.02\nResNet-18,8,0.01\nmine,8,0.03\n"
    + "".join(f"{name},8,0.0{i}\n" for i, name in enumerate(["RegNetX-200MF", "RegNetY-4.0GF", "EfficientNet-B1"], 1)),
    "bench.csv": "model,infer_samples_per_sec,infer_step_time,infer_batch_size,infer_img_size,infer_gmacs,infer_macts,"
    "param_count\nresnet50.a1_in1k,2000,128,256,224,4.11,11.11,25.56\nresnet18,6000,42,256,224,1.82,2.48,11.69\n",
    "network.yaml": "MODEL:\n  TYPE: regnet\nREGNET:\n  DEPTH: 13\n  W0: 24\n  WA: 36.44\n  WM: 2.49\n  GROUP_W: 8\n",
    "make.py": "import torch\n\n\ndef make():\n    return torch.nn.Conv2d(3, 8, 3)\n",
}


@functools.cache
def seeds() -> dict[str, bytes]:
    """A good file of each kind, by name."""
    found = {name: text.encode() for name, text in SMALL.items()}
    with tempfile.TemporaryDirectory() as folder:
        for form in ("toml", "json"):
            dump(ct.network("RegNetX-200MF"), Path(folder, f"network.{form}"))
            found[f"network.{form}"] = Path(folder, f"network.{form}").read_bytes()
        store = Store(Path(folder, "store.sqlite"))
        environment = store.add_environment(PLACE)
        jobs = expand({"networks": ["ResNet-18", "RegNetX-200MF"], "strategies": ["w"], "factors": [1, 2, 4]})
        store.add_jobs(jobs)
        for job in jobs:
            task = Task(job=job, number=0, batch=1, device="cpu", threads=1)
            store.add(task, environment, measured(task))
        store.close()
        found["store.sqlite"] = Path(folder, "store.sqlite").read_bytes()
    found["profile.toml"] = (PACKAGE / "devices/profiles/v100-training.toml").read_bytes()
    found["prior.toml"] = (PACKAGE / "devices/prior.toml").read_bytes()
    found["accuracy.toml"] = next((PACKAGE / "measurement/training/studies").glob("*.toml")).read_bytes()
    return found


def spoilt_file(content: bytes, draw: random.Random) -> bytes | str:
    """A file spoilt in one of the ways in which files are; a name of ``STRANGE`` for what is no file at all."""
    way = draw.randrange(14)
    at = draw.randrange(len(content) + 1)
    if way < 6:  # a value of another type, size or script
        words = list(re.finditer(rb"[\w.-]+", content[:50_000])) or [re.match(b"", content)]
        word = draw.choice(words)
        assert word is not None
        new = draw.choice(WRONG).encode("utf-8", "surrogateescape")
        return content[: word.start()] + new + content[word.end() :]
    lines = content.splitlines(keepends=True) or [b""]
    line = draw.randrange(len(lines))
    if way == 6:
        return content[:at]
    if way == 7:
        return content[:at] + bytes(draw.randrange(256) for _ in range(8)) + content[at + 8 :]
    if way == 8:
        return content.decode("latin-1").encode("utf-16")
    if way == 9:
        return b"".join(lines[:line] + lines[line + 1 :])
    if way == 10:
        return b"".join([*lines, lines[line]])
    if way == 11:
        return content[:at] + b"[" * 50_000
    if way == 12:
        return draw.choice([b"", b"\0" * 100, b"," * 10**6, b"a: " * 10**4, content * 50, b"=" * 10**5])
    return draw.choice(STRANGE)


def lay(folder: Path, files: dict[str, bytes | str]) -> None:
    """Puts files into a folder, and beside them what is none."""
    for name, content in [*((name, name) for name in STRANGE), *files.items()]:
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content == "folder":
            path.mkdir()
        elif content == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to(path)


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """What lies in a folder, with sizes and times of change."""
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return [(str(path), about.st_size, 0 if path.is_dir() else about.st_mtime_ns) for path, about in found]
