"""What is measured, as data: a subject (network, layer, module, ceiling) and its settings. No torch here."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from typing import Any, ClassVar, final

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_limit, shown
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations import Conv2d
from complexity_theory.measurement.paths import is_callable_path
from complexity_theory.networks import files
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced, at
from complexity_theory.scaling.realise import scale
from complexity_theory.zoo import find

CHOICES = {
    "dtype": ("fp32", "tf32", "fp16", "bf16"),
    "layout": ("nchw", "channels_last"),
    "mode": ("forward", "backward", "train"),
    "execution": ("eager", "compiled"),
}
BYTES = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2}  # of an element
UNSCALED = "base"  # the strategy of a network as it is: at factor 1 all strategies are the same


def check_device(name: str) -> None:
    """Raises InvalidInput for what is no name of a device; whether there is such a device, torch alone knows.

    >>> check_device("tpu")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: unknown device 'tpu': one of auto, cpu, cuda, cuda:INDEX
    """
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,9})?", name):
        raise InvalidInput(f"unknown device {shown(name)}: one of auto, cpu, cuda, cuda:INDEX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a subject is run. ``search``: ``batch`` is the largest to try, and is halved while memory does not suffice.

    ``mode``: forward; backward (forward and backward); train (both and the optimizer). Raises InvalidInput for others.

    >>> Settings(dtype="int8")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: unknown dtype 'int8': one of fp32, tf32, fp16, bf16
    """

    batch: int = 1
    search: bool = False
    dtype: str = "fp32"
    layout: str = "nchw"
    mode: str = "forward"
    execution: str = "eager"

    def __post_init__(self) -> None:
        check_limit("a batch", self.batch, "batch")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidInput(f"unknown {name} {shown(getattr(self, name))}: one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Description:
    """All that is known of a subject, as text that travels with its times; ``form`` says what can read it.

    A ``network`` is the JSON of a network file (``networks.files``). A ``module`` is what a worker found where it
    loaded one. ``labels``: the fields of the text that say nothing of the work.
    """

    form: str
    text: str
    labels: tuple[str, ...] = ()

    @classmethod
    def of_network(cls, network: Network | Traced) -> Description:
        """The description of a network."""
        return cls("network", canonical_json(files.describe(network)), ("name", "family", "note"))

    @property
    def id(self) -> str:
        """A hash of all of it."""
        return identity({"form": self.form, "text": self.text})

    @property
    def key(self) -> str:
        """A hash of the work that is described: other names of the same work have the same."""
        fields = json.loads(self.text)
        return identity({"form": self.form, **{name: fields[name] for name in fields if name not in self.labels}})


class Subject(ABC):
    """What is measured: its name and family, the shape of its input and, where they are known, the costs of one image.

    ``kind`` names the class in a store. ``entry``: the function that runs a task of it in a worker; ``once``: one round
    that went well is all; ``timed``: its result is a ``Timing`` with its conditions, its rows are those of
    ``frame.read``.
    """

    __slots__ = ()
    kind: ClassVar[str]
    entry: ClassVar[str] = "complexity_theory.measurement.worker:measure"
    once: ClassVar[bool] = False
    timed: ClassVar[bool] = True

    @property
    @abstractmethod
    def label(self) -> str:
        """A short name for people."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What tells this subject from others, as the columns of a row; ``flops`` in multiply-adds, or None."""

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """The shape of one input."""

    @property
    def described(self) -> Description | None:
        """The subject in full, to be kept beside its times; None where ``describe`` says all there is."""
        return None


def _row(name: str, family: str, shape: Shape, costs: Complexity | None, **more: Any) -> dict[str, Any]:
    known = {"flops": None, "params": None, "acts": None} if costs is None else costs.as_dict()
    return {"network": name, "family": family, "resolution": shape.height, **more, **known}


@final
@dataclass(frozen=True, slots=True)
class NetworkSubject(Subject):
    """A network at its own resolution, scaled to ``factor`` times its flops. It holds the network, not its name."""

    base: Network | Traced
    strategy: str = UNSCALED
    factor: float = 1
    kind: ClassVar[str] = "network"

    @classmethod
    def of(
        cls, name: str, strategy: str = UNSCALED, factor: float = 1, resolution: int | None = None
    ) -> NetworkSubject:
        """The subject of a network of the zoo or of a file, at ``resolution`` (None: its own).

        >>> NetworkSubject.of("resnet18", resolution=96).describe()["flops"]
        333616104
        """
        base = find(name)
        if resolution is not None:
            check_limit("a resolution", resolution, f"the resolution of {base.name}")
        return cls(base if resolution is None else at(base, resolution), strategy, factor)

    def network(self) -> Network | Traced:
        """The network that is built and timed."""
        return _scaled(self)

    @property
    def label(self) -> str:
        return self.base.name if self.strategy == UNSCALED else f"{self.base.name} {self.strategy} x{self.factor:g}"

    @property
    def shape(self) -> Shape:
        return self.network().input()

    @property
    def described(self) -> Description:
        return Description.of_network(self.network())

    def describe(self) -> dict[str, Any]:
        network = self.network()
        return _row(
            self.base.name,
            network.family,
            network.input(),
            network.complexity(),
            strategy=self.strategy,
            factor=float(self.factor),
            base=Description.of_network(self.base).key,
            base_resolution=self.base.input().height,
        )


@cache
def _scaled(subject: NetworkSubject) -> Network | Traced:
    base = subject.base
    if subject.strategy == UNSCALED:
        return base
    try:
        return scale(base, subject.strategy, target_flops=subject.factor * base.complexity().flops).network
    except InvalidInput as error:
        raise InvalidInput(f"{base.name} by a factor of {subject.factor:g}: {error}") from None


@final
@dataclass(frozen=True, slots=True)
class LayerSubject(Subject):
    """A convolution of ``width`` channels in and out; ``group_width`` None is dense, 1 depthwise."""

    width: int
    kernel: int
    group_width: int | None
    resolution: int
    kind: ClassVar[str] = "layer"

    def __post_init__(self) -> None:
        check_limit("a width", self.width, "the width of a layer")
        check_limit("a kernel", self.kernel, "the kernel of a layer")
        check_limit("a resolution", self.resolution, "the resolution of a layer")
        if self.group_width is not None:
            check_limit("a group width", self.group_width, "the group width of a layer")

    @property
    def layer(self) -> Conv2d:
        """The layer. Raises InvalidInput for a group width that does not divide."""
        return Conv2d(self.width, self.width, self.kernel, group_width=self.group_width)

    @property
    def family(self) -> str:
        """conv, group-conv or depthwise-conv."""
        return {None: "conv", 1: "depthwise-conv"}.get(self.group_width, "group-conv")

    @property
    def label(self) -> str:
        group = "" if self.family != "group-conv" else f" g{self.group_width}"
        return f"{self.family} {self.kernel}x{self.kernel} w{self.width}{group} r{self.resolution}"

    @property
    def shape(self) -> Shape:
        return Shape(self.width, self.resolution, self.resolution)

    def describe(self) -> dict[str, Any]:
        sizes = {"width": self.width, "kernel": self.kernel, "group_width": self.group_width}
        return _row(self.label, self.family, self.shape, self.layer.complexity(self.shape), **sizes)


@final
@dataclass(frozen=True, slots=True)
class ModuleSubject(Subject):
    """What ``package.module:callable`` returns, a torch module; its costs are counted on the module itself.

    ``found``: what a worker found there, None as long as none has looked, or where it cannot say.
    """

    path: str
    channels: int
    height: int
    width: int
    found: Description | None = None
    kind: ClassVar[str] = "module"

    def __post_init__(self) -> None:
        if not is_callable_path(self.path):
            raise InvalidInput(
                f"a module is named as package.module:callable or folder/file.py:callable, not {shown(self.path)}"
            )
        check_limit("channels", self.channels, f"the channels of {self.path}")
        for side in (self.height, self.width):
            check_limit("a resolution", side, f"each side of the input of {self.path}")

    @property
    def label(self) -> str:
        return self.path

    @property
    def shape(self) -> Shape:
        return Shape(self.channels, self.height, self.width)

    @property
    def described(self) -> Description | None:
        return self.found

    def describe(self) -> dict[str, Any]:
        return _row(self.path, self.kind, self.shape, None, input=str(self.shape))


@final
@dataclass(frozen=True, slots=True)
class CeilingSubject(Subject):
    """What bounds a device: ``matmul`` of two ``side`` x ``side`` matrices, or ``copy`` of one."""

    name: str
    side: int
    kind: ClassVar[str] = "ceiling"

    @property
    def label(self) -> str:
        return f"ceiling: {self.name} {self.side}"

    @property
    def shape(self) -> Shape:
        return Shape(1, self.side, self.side)

    def describe(self) -> dict[str, Any]:
        costs = Complexity(flops=self.side**3) if self.name == "matmul" else Complexity()
        return _row(self.name, self.kind, self.shape, costs)


# Sides of the matrices by device: a product that keeps it busy, a copy that no cache holds.
_SIDES = {"cpu": {"matmul": 2048, "copy": 8192}, "cuda": {"matmul": 8192, "copy": 16384}}


def ceilings(device: str, dtype: str) -> list[Job]:
    """The two ceilings of a device ("cpu" or "cuda") at ``dtype``, as jobs."""
    return [Job(CeilingSubject(name, side), Settings(dtype=dtype)) for name, side in _SIDES[device].items()]


@dataclass(frozen=True)
class Job:
    """A subject under settings."""

    subject: Subject
    settings: Settings = field(default_factory=Settings)

    @cached_property
    def description(self) -> dict[str, Any]:
        """All that tells this job from others, as the columns of a row: subject, counts, settings.

        ``subject``: the key of the subject's own description, None where it has none.
        """
        described = self.subject.described
        subject = None if described is None else described.key
        return {"kind": self.subject.kind, "subject": subject, **self.subject.describe(), **asdict(self.settings)}

    @cached_property
    def key(self) -> str:
        """A hash of the description: the same job has the same key wherever and whenever it is planned."""
        return job_key(self.description)

    def __str__(self) -> str:
        plain, default = asdict(self.settings), Settings()
        batch = f"b<={self.settings.batch}" if self.settings.search else f"b{self.settings.batch}"
        unusual = [
            plain[f.name] for f in fields(default) if f.name in CHOICES and plain[f.name] != getattr(default, f.name)
        ]
        return " ".join([self.subject.label, batch, *unusual])


def identity(description: Mapping[str, Any]) -> str:
    """A hash of what is described: 16 hexadecimal digits.

    >>> identity({"a": 1, "b": 2}) == identity({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(canonical_json(description).encode()).hexdigest()[:16]


def canonical_json(description: Mapping[str, Any]) -> str:
    """The one JSON text of a description, whatever the order of its fields.

    >>> canonical_json({"b": 2, "a": 1})
    '{"a":1,"b":2}'
    """
    return json.dumps(description, sort_keys=True, separators=(",", ":"))


def job_key(description: Mapping[str, Any]) -> str:
    """The key of a job by its description. Its family is how people sort it, and tells no work from other work."""
    return identity({name: value for name, value in description.items() if name != "family"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One round of a job, as a worker gets it: with the batch to use, and where and how it is to be timed."""

    job: Job
    number: int
    batch: int
    device: str
    threads: int
