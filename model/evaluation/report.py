"""Reports as a table, as JSON, and as one HTML page that needs nothing else."""

import html
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from model.evaluation import plots
from model.evaluation.evaluate import LabelReport, Report


def to_table(reports: Sequence[Report]) -> str:
    """Lay reports side by side, one line a checkpoint and label."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for report in reports:
        rows += [_row(report, label) for label in report.labels]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = [
        "  ".join(
            _pad(c, w, i) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += ["", *_side_by_side(reports)]
    for report in reports:
        lines += ["", *_summary(report)]
    return "\n".join(lines)


def _side_by_side(reports: Sequence[Report]) -> list[str]:
    """Give one line a checkpoint: recall and F1 by label, mAP, size, speed."""
    rows = []
    for report in reports:
        row = {"checkpoint": report.manifest.name}
        for label in report.labels:
            row[f"R {label.label}"] = _figure(label.at_threshold.recall)
        for label in report.labels:
            row[f"F1 {label.label}"] = _figure(label.at_threshold.f1)
        row["mAP 0.5s"] = _figure(report.mean_ap(0.5))
        row["M parameters"] = f"{report.parameters / 1e6:.2f}"
        row["frames/s"] = f"{report.frames_per_s:.0f}"
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([row.get(name, "-") for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return [
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(pairs)
        )
        for pairs in (list(zip(line, widths, strict=True)) for line in cells)
    ]


def to_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Give all figures; what is not a number becomes null."""
    return {"reports": [_plain(_figures(report)) for report in reports]}


def to_html(reports: Sequence[Report]) -> str:
    """Draw a page with plots inside it, one section a checkpoint."""
    title = "Touchline evaluation"
    table = html.escape(to_table(reports))
    sections = "".join(_section(report) for report in reports)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title}</h1><pre>{table}</pre>{sections}</body></html>\n"
    )


_HEAD = (
    "checkpoint",
    "label",
    "events",
    "AP 0.2s",
    "AP 0.5s",
    "95%",
    "AP 1s",
    "SoccerNet@1",
    "P",
    "R",
    "F1",
    "best F1",
    "95%",
)

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;"
    "padding:0 1rem;color:#1b2a33}pre{background:#f4f6f7;padding:1rem;overflow:auto}"
    "figure{display:inline-block;margin:0 1rem 1rem 0}figcaption{font-weight:600}"
    "svg text{font:11px system-ui,sans-serif}"
)


def _row(report: Report, label: LabelReport) -> tuple[str, ...]:
    at = label.at_threshold
    return (
        report.manifest.name,
        label.label,
        str(label.events),
        _figure(label.ap[0.2]),
        _figure(label.ap[0.5]),
        f"{_figure(label.ap_interval.low)}-{_figure(label.ap_interval.high)}",
        _figure(label.ap[1.0]),
        _figure(label.soccernet_ap),
        _figure(at.precision),
        _figure(at.recall),
        _figure(at.f1),
        _figure(label.best_f1[0]),
        f"{_figure(label.f1_interval.low)}-{_figure(label.f1_interval.high)}",
    )


def _summary(report: Report) -> list[str]:
    name = report.manifest.name
    lines = [
        f"{name}: mAP within 0.5 s {_figure(report.mean_ap(0.5))}; E2E-Spot's over 0, "
        f"1, 2, 4 frames {_figure(report.over_frames)}; SoccerNet's tight "
        f"{_figure(report.soccernet_tight)}, loose {_figure(report.soccernet_loose)}",
        f"{name}: {report.parameters / 1e6:.2f} M parameters, "
        f"{report.frames_per_s:.0f} frames/s on {report.engine}, decoding included; "
        f"{report.matches} matches, {report.minutes:.1f} minutes",
        f"{name}: P, R and F1 within {report.tolerance_s:g} s at the checkpoint's "
        "thresholds; what went wrong there:",
    ]
    for label in report.labels:
        b = label.breakdown
        lines.append(
            f"  {label.label}: false alarms {b.duplicate} duplicate, {b.off_time} "
            f"early or late, {b.wrong_class} wrong class, {b.background} on "
            f"background; unmet events {b.missed} missed, {b.misclassified} of another "
            f"class, {b.mistimed} mistimed"
        )
    if not math.isnan(report.team_accuracy):
        lines.append(
            f"{name}: the right team in {report.team_accuracy:.1%} of hits whose event "
            f"has one; SoccerNet's team mAP@1 {_figure(report.team_map)} ("
            + ", ".join(f"{x.label} {_figure(x.team_ap)}" for x in report.labels)
            + ")"
        )
    trained = report.manifest.provenance.trained_on
    return [*lines, f"{name}: trained on {trained}"] if trained else lines


def _section(report: Report) -> str:
    offsets = {x.label: x.breakdown.offsets_s for x in report.labels}
    bars = {
        x.label: {
            "hit": x.breakdown.hits,
            "duplicate": x.breakdown.duplicate,
            "early or late": x.breakdown.off_time,
            "wrong class": x.breakdown.wrong_class,
            "background": x.breakdown.background,
            "missed": x.breakdown.missed,
            "misclassified": x.breakdown.misclassified,
            "mistimed": x.breakdown.mistimed,
        }
        for x in report.labels
    }
    pictures = {
        f"Precision and recall within {report.tolerance_s:g} s": plots.curves(
            {x.label: x.curve for x in report.labels}
        ),
        "What became of spots and events": plots.bars(bars),
        "Timing of hits (s, early is negative)": plots.histogram(
            offsets, reach=report.tolerance_s
        ),
        "Reliability: score against share of hits": plots.reliability(
            report.reliability
        ),
    }
    figures = "".join(
        f"<figure><figcaption>{html.escape(name)}</figcaption>{svg}</figure>"
        for name, svg in pictures.items()
    )
    facts = html.escape(str(report.manifest.provenance.to_dict()))
    return f"<h2>{html.escape(report.manifest.name)}</h2><p>{facts}</p>{figures}"


def _figures(report: Report) -> dict[str, Any]:
    labels = []
    for label in report.labels:
        raw = asdict(label)
        counts = label.at_threshold
        raw["at_threshold"] |= {
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
        }
        labels.append(raw)
    return {
        "name": report.manifest.name,
        "manifest": report.manifest.to_dict(),
        "engine": report.engine,
        "matches": report.matches,
        "minutes": report.minutes,
        "tolerance_s": report.tolerance_s,
        "mAP": {t: report.mean_ap(t) for t in report.labels[0].ap},
        "over_frames": report.over_frames,
        "soccernet_tight": report.soccernet_tight,
        "soccernet_loose": report.soccernet_loose,
        "team_mAP": report.team_map,
        "team_accuracy": report.team_accuracy,
        "labels": labels,
        "reliability": report.reliability,
        "frames_per_s": report.frames_per_s,
        "parameters": report.parameters,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)
