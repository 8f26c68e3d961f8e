"""The text format of Prometheus: families of samples, a line each.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based
format", version 0.0.4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: samples of one name that differ in their labels.

    Attributes:
        name: with its unit, such as `touchline_storage_free_bytes`.
        words: what it is, for people.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    words: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric.

    Attributes:
        suffix: of the name, for the parts of a histogram: `_bucket`, `_sum`, `_count`.
    """

    family: Family
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


def write_metrics(samples: Iterable[Sample]) -> str:
    """Write samples as Prometheus reads them, those of a family together."""
    grouped: dict[Family, list[Sample]] = {}
    for sample in samples:
        grouped.setdefault(sample.family, []).append(sample)
    lines: list[str] = []
    for family, its in grouped.items():
        words = family.words.replace("\\", r"\\").replace("\n", r"\n")
        lines.append(f"# HELP {family.name} {words}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines.extend(_line(sample) for sample in its)
    return "".join(f"{line}\n" for line in lines)


def _line(sample: Sample) -> str:
    name = sample.family.name + sample.suffix
    labels = ",".join(f'{key}="{_quoted(text)}"' for key, text in sample.labels.items())
    return (
        f"{name}{{{labels}}} {_number(sample.value)}"
        if labels
        else (f"{name} {_number(sample.value)}")
    )


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
