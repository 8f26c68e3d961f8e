"""Toy matches: drawn basketball with two labels, whose truth is known."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.training.config import TrainConfig, config_from
from tests.videos import draw_video

FPS = 10
WIDTH, HEIGHT = 64, 48


def court_picture(number: int, events: dict[int, str]) -> NDArray[np.uint8]:
    """Paint a court: a ball on the floor dribbles, a ball in the hoop scores."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = (150, 100, 50)
    image[8:12, 44:60] = (220, 220, 220)  # the hoop
    label = events.get(number)
    x = 8 + (number * 3) % 24
    if label == "DRIBBLE":
        image[36:46, x : x + 10] = (250, 250, 40)
    elif label == "BASKET":
        image[10:24, 46:58] = (240, 30, 30)
    else:
        image[20:26, x : x + 6] = (240, 120, 20)
    return image


def toy_match(folder: Path, *, seed: int, seconds: int = 16) -> Path:
    """Draw a match of basketball with SoccerNet's labels beside it."""
    rng = np.random.default_rng(seed)
    frames = np.arange(6, seconds * FPS - 6, 9) + rng.integers(-2, 3)
    events = {
        int(frame): str(rng.choice(["DRIBBLE", "BASKET"], p=[0.6, 0.4]))
        for frame in frames
    }
    folder.mkdir(parents=True)
    draw_video(
        folder / "video.mp4",
        frames=seconds * FPS,
        fps=FPS,
        size=(WIDTH, HEIGHT),
        paint=lambda number, _w, _h: court_picture(number, events),
    )
    rows = [
        {
            "gameTime": f"1 - 00:{frame // FPS:02d}",
            "label": label,
            "position": str(frame * 1000 // FPS),
        }
        for frame, label in events.items()
    ]
    labels = {"UrlLocal": folder.name, "annotations": rows}
    (folder / "Labels-ball.json").write_text(json.dumps(labels), encoding="utf-8")
    return folder


def toy_data(root: Path, *, seconds: int = 16) -> Path:
    """Draw two matches to train on and one to validate by."""
    for part, seeds in (("train", (1, 2)), ("val", (3,))):
        for seed in seeds:
            toy_match(root / part / f"match_{seed}", seed=seed, seconds=seconds)
    return root


def with_teams(root: Path, matches: tuple[str, ...]) -> None:
    """Let every other event of some matches be of each side."""
    for name in matches:
        path = root / name / "Labels-ball.json"
        raw = json.loads(path.read_text())
        for number, row in enumerate(raw["annotations"]):
            row["team"] = ("left", "right")[number % 2]
        path.write_text(json.dumps(raw))


def toy_config(root: Path, **changes: object) -> TrainConfig:
    """Describe a tiny run on toy matches; `changes` replace whole sections."""
    return config_from(toy_values(root, **changes))


def toy_values(root: Path, **changes: object) -> dict[str, object]:
    """Give the plain values of `toy_config`, as a file would hold them."""
    values: dict[str, object] = {
        "name": "toy-basketball",
        "network": {
            "feature_arch": "rny002_gsm",
            "temporal_arch": "gru",
            "clip_len": 16,
            "is_pretrained": False,
        },
        "input": {"width": WIDTH, "height": HEIGHT, "fps": FPS},
        "data": {
            "store": str(root / "store"),
            "train": str(root / "train"),
            "val": str(root / "val"),
        },
        "clips": {"steps": 12, "padding": 2},
        "batch": 2,
        "augment": {"flip": 0.0, "jitter": 0.2},
        "optimiser": {"lr": 2e-3, "warmup_steps": 2, "steps": 6, "ema": 0.9},
        "run": {
            "accelerator": "cpu",
            "threads": 1,
            "validate_steps": 6,
            "logger": "none",
            "checkpoint_minutes": 0.0001,
        },
    }
    return {**values, **changes}
