"""From prepared matches to a checkpoint: one run, which can be killed and resumed."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_only

from model.errors import BadAnnotations, TrainingFailed, TrainingStopped
from model.network.spotter import Spotter
from model.reporter import Reporter
from model.training import checkpoint_uploads as uploads
from model.training.callbacks import GradientWatch, KeepBest, ProgressLog
from model.training.config import TrainConfig, with_distillation
from model.training.distillation import with_teacher
from model.training.files import BEST, KEPT, LAST, RESUME
from model.training.loaders import Loaders
from model.training.module import SpottingModule
from model.training.outputs import DISTILLATION
from model.training.processes import (
    Launch,
    first_of_machine_first,
    join,
    naming_a_lost_process,
    refuse_synchronised_norms_on_a_cpu,
    store_of_machines,
    synchronise_norms,
)
from model.training.resuming import agree_on_state
from model.training.sides import twin_places
from model.training.starting import make_network, without_weights
from model.training.stopping import StopOnSignal
from model.training.trainer import make_logger, make_trainer, silence_advice
from model.training.training_data import TrainingData, load_data


def train(
    config: TrainConfig,
    folder: Path,
    *,
    report: Reporter,
    is_resumed: bool = False,
    may_resume: bool = False,
    start_from: Path | None = None,
    distill_from: Path | None = None,
    may_replace: bool = False,
    data: TrainingData | None = None,
    callbacks: Sequence[lightning.Callback] = (),
) -> Path:
    """Train a network and keep its best weights.

    Args:
        config: the run.
        folder: where everything of the run goes: `last.ckpt` (all that a resume
            needs), `last.touchline`, `best.touchline`, the logger's files.
        report: takes lines for the user.
        is_resumed: go on from `last.ckpt`.
        may_resume: go on from it where it is there, else begin; so it is too where
            torchrun starts the processes of a run again.
        start_from: a checkpoint whose weights the run begins with.
        distill_from: a teacher, whose scores are soft targets; without `start_from`
            the run begins with what fits of its weights. Named again to resume.
        may_replace: begin anew over an earlier run of the folder.
        data: the matches, prepared; None finds those that the config names.
        callbacks: more of Lightning's callbacks.

    Returns:
        The best checkpoint.

    Raises:
        BadAnnotations: the data does not fit together; the message says how.
        TrainingFailed: the loss is NaN or infinite, the disk is full, or there is
            nothing to resume.
        TrainingStopped: SIGTERM or Ctrl-C; `last.ckpt` holds the state of then.
    """
    report = rank_zero_only(report)
    launch = Launch.read(config.run.devices)
    bucket = uploads.bucket_at(config.run.checkpoints_to)
    refuse_synchronised_norms_on_a_cpu(config.run, launch)
    may_resume = is_resumed or may_resume or launch.restarts > 0
    if may_resume:
        _find_state(bucket, folder, launch, report)
    must_resume = is_resumed and launch.restarts == 0
    is_resumed = _is_resumable(folder, must_resume) if may_resume else False
    if not is_resumed and launch.restarts == 0:
        _refuse_to_replace(folder, start_from, may_replace=may_replace)
        uploads.refuse_to_replace_copies(bucket, KEPT, launch, may_replace=may_replace)
    folder.mkdir(parents=True, exist_ok=True)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    logger = make_logger(config, folder)
    data = _matches(config, launch, data, report)
    config, data = _with_teacher(config, data, distill_from, report)
    if config.augment.flip and twin_places(data.labels) is None:
        report("a label names a side, and no label the other: nothing is mirrored")
    if is_resumed:
        report(f"going on from {folder / RESUME}")
        network = make_network(without_weights(config), data.labels)
    else:
        network = make_network(
            config,
            data.labels,
            start_from=start_from,
            distill_from=distill_from,
            report=report,
        )
    if config.run.is_compiled:
        report("the network is compiled first: some minutes without a line")
    module = _module(network, data.labels, config, launch)
    copies = uploads.UploadCheckpoints(bucket, folder, KEPT, report=report)
    with warnings.catch_warnings():
        silence_advice()
        keep = KeepBest(folder, data.labels, config)
        watch = [keep, ProgressLog(), GradientWatch(), StopOnSignal(folder / RESUME)]
        trainer = make_trainer(
            config, launch, logger, [copies, *watch, *callbacks], resume=folder / RESUME
        )
        _report_precision(trainer, config, report)
        try:
            _fit(trainer, module, Loaders(data, config), keep, launch, is_resumed)
        except TrainingStopped:
            copies.close()
            raise
        copies.close()
    return folder / BEST


def _fit(
    trainer: lightning.Trainer,
    module: SpottingModule,
    loaders: Loaders,
    keep: KeepBest,
    launch: Launch,
    is_resumed: bool,
) -> None:
    """Train to the last step, save it, and validate it if nothing has yet."""
    resume = keep.folder / RESUME
    if not is_resumed:
        resume.unlink(missing_ok=True)  # An earlier run's, to be replaced.
    with naming_a_lost_process():
        join(launch, loaders.config.run.accelerator)
        trainer.fit(
            module, datamodule=loaders, ckpt_path=str(resume) if is_resumed else None
        )
    trainer.save_checkpoint(resume)
    if keep.validated_at != trainer.global_step:
        trainer.validate(module, datamodule=loaders, verbose=False)


def _report_precision(
    trainer: lightning.Trainer, config: TrainConfig, report: Reporter
) -> None:
    if trainer.precision != config.run.precision:
        report(f"{config.run.precision} needs a GPU: training in {trainer.precision}")


def _is_resumable(folder: Path, must_be: bool) -> bool:
    is_there = (folder / RESUME).is_file()
    if must_be and not is_there:
        raise TrainingFailed(f"There is nothing to resume in {folder}.")
    return is_there


def _matches(
    config: TrainConfig, launch: Launch, data: TrainingData | None, report: Reporter
) -> TrainingData:
    if data is not None:
        return data
    with first_of_machine_first(launch):
        return load_data(config, report=report)


def _refuse_to_replace(
    folder: Path, start_from: Path | None, *, may_replace: bool
) -> None:
    """Keep a new run from writing over an earlier one, or over what it begins with."""
    written = [folder / name for name in (RESUME, BEST, LAST)]
    found = [path for path in written if path.exists()]
    if start_from is not None and start_from.exists():
        for path in found:
            if path.samefile(start_from):
                raise TrainingFailed(
                    f"{start_from} is in the folder of the run, which would replace "
                    "it: name another folder."
                )
    if found and not may_replace:
        raise TrainingFailed(
            f"{folder} holds {found[0].name} of an earlier run: resume it with "
            "--resume, name another folder, or use --force to replace it."
        )


def _find_state(
    bucket: uploads.CheckpointBucket | None,
    folder: Path,
    launch: Launch,
    report: Reporter,
) -> None:
    """Fetch what this machine lacks; all of them are to go on from the same state."""
    store = store_of_machines(launch)
    with first_of_machine_first(launch):
        if launch.local_rank:
            return
        if bucket is not None:
            for name in bucket.fetch_newer(folder, KEPT):
                report(f"fetched {bucket.url}/{name}")
        if store is not None:
            agree_on_state(
                *(store, launch.machine, launch.machines, folder, KEPT),
                bucket=bucket,
                report=report,
            )


def _module(
    network: Spotter, labels: tuple[str, ...], config: TrainConfig, launch: Launch
) -> SpottingModule:
    module = SpottingModule(network, labels, config)
    if config.run.batch_norm == "synchronised" and launch.world > 1:
        module.spotter = synchronise_norms(module.spotter)
    return module


def _with_teacher(
    config: TrainConfig, data: TrainingData, teacher: Path | None, report: Reporter
) -> tuple[TrainConfig, TrainingData]:
    if teacher is not None:
        config = with_distillation(config)
        return config, with_teacher(data, config, teacher, report=report)
    if config.loss.terms.get(DISTILLATION):
        raise BadAnnotations(
            "loss.terms.distillation needs a teacher: name one with --distill-from."
        )
    return config, data


def is_first_process() -> bool:
    """Whether this is the process that reports to the user (DDP starts several)."""
    return bool(getattr(rank_zero_only, "rank", 0) == 0)
