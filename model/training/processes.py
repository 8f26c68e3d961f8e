"""The processes of a run: started by torchrun, by Lightning, or a single one.

torchrun starts them all at once, on one machine or several, and starts them again when
one is lost. Lightning starts the others of a machine when the first one trains.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor, nn

from model.errors import TrainingFailed
from model.training.settings import RunSettings

# Decoding an archive may take the first process of a machine hours.
_PREPARATION = timedelta(days=2)

_turns = count()

# What gloo and NCCL say when a process that they wait for is gone.
_CONNECTION_LOST = (
    "Connection closed by peer",
    "Connection reset by peer",
    "NCCL communicator",
)


@dataclass(frozen=True, slots=True)
class Launch:
    """How the processes of a run were started.

    Attributes:
        processes: on this machine.
        machines: that take part.
        is_torchrun: whether torchrun started them.
        restarts: how often torchrun has started them again.
        local_rank: of this process on its machine.
        machine: number of this machine.
    """

    processes: int
    machines: int = 1
    is_torchrun: bool = False
    restarts: int = 0
    local_rank: int = 0
    machine: int = 0

    @classmethod
    def read(cls, devices: int) -> Self:
        """Read torchrun's variables; without them it is `devices` processes here.

        Raises:
            TrainingFailed: the machines have different numbers of processes.
        """
        if not dist.is_torchelastic_launched():
            return cls(processes=devices)
        env = os.environ
        world, here = int(env["WORLD_SIZE"]), int(env["LOCAL_WORLD_SIZE"])
        if world % here:
            raise TrainingFailed(
                f"torchrun started {world} processes, {here} of them on this machine: "
                "give every machine the same --nproc-per-node."
            )
        return cls(
            processes=here,
            machines=world // here,
            is_torchrun=True,
            restarts=int(env.get("TORCHELASTIC_RESTART_COUNT", "0")),
            local_rank=int(env["LOCAL_RANK"]),
            machine=int(env.get("GROUP_RANK", "0")),
        )

    @property
    def world(self) -> int:
        """All processes of the run."""
        return self.processes * self.machines


@contextmanager
def first_of_machine_first(launch: Launch) -> Iterator[None]:
    """Let the first process of each machine do something before its others do.

    For what would collide: decoding into one store, fetching into one folder. Where
    torchrun is not at work there is no other process yet.

    A process that waits for one that has stopped is ended by torchrun.
    """
    if not launch.is_torchrun or launch.world == 1:
        yield
        return
    store = _store_of(launch)
    turn = next(_turns)
    done = [f"prepared/{turn}/{machine}" for machine in range(launch.machines)]
    if launch.local_rank:
        store.wait(done, _PREPARATION)
        yield
        return
    yield
    store.set(done[launch.machine], "done")
    store.wait(done, _PREPARATION)


def store_of_machines(launch: Launch) -> Any | None:
    """Give a new part of torchrun's store; None: the run has one machine.

    All processes must ask for it as often.
    """
    if not launch.is_torchrun or launch.machines == 1:
        return None
    torch_dist: Any = dist
    return torch_dist.PrefixStore(f"turn/{next(_turns)}", _store_of(launch))


def join(launch: Launch, accelerator: str) -> None:
    """Bring the processes that torchrun started together, before Lightning would.

    torchrun keeps one store for all attempts. Lightning, and torch's own default,
    would find the addresses of the attempt before there, and wait for the dead.
    """
    if not launch.is_torchrun or launch.world == 1 or dist.is_initialized():
        return
    has_gpu = accelerator != "cpu" and torch.cuda.is_available()
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpu else "gloo",
        store=_store_of(launch),
        rank=int(os.environ["RANK"]),
        world_size=launch.world,
    )
    if has_gpu:
        atexit.register(dist.destroy_process_group)


@cache
def _store_of(launch: Launch) -> Any:
    """Open torchrun's store where no earlier attempt has written."""
    torch_dist: Any = dist
    store, _, _ = next(torch_dist.rendezvous("env://"))
    return torch_dist.PrefixStore(f"attempt/{launch.restarts}", store)


@contextmanager
def naming_a_lost_process() -> Iterator[None]:
    """Leave the word to the process that stopped first; the others lose its line."""
    try:
        yield
    except RuntimeError as exc:
        if not any(text in str(exc) for text in _CONNECTION_LOST):
            raise
        raise TrainingFailed(
            "Another process of this run has stopped and says why. The last good "
            "checkpoint is kept."
        ) from exc


def mean_over_processes(value: Tensor) -> Tensor:
    """Give the mean of a number of every process; the gradient stays behind."""
    mean = value.detach().clone()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
    return mean


def share_buffers(network: nn.Module) -> None:
    """Give every process the running statistics of the first one."""
    if dist.is_available() and dist.is_initialized():
        for buffer in network.buffers():
            dist.broadcast(buffer, 0)


def synchronise_norms(network: Any) -> Any:
    """Have batch norms count the clips of all processes in training.

    Lightning's and torch's own conversion would drop the activation that timm keeps in
    its batch norms. Keys and, outside of training, outputs stay the same.
    """
    from timm.layers import norm_act

    convert: Any = norm_act.convert_sync_batchnorm
    return convert(network)


def refuse_synchronised_norms_on_a_cpu(run: RunSettings, launch: Launch) -> None:
    """Refuse what torch has for GPUs alone.

    Raises:
        TrainingFailed: several processes would train on CPUs.
    """
    has_gpu = run.accelerator != "cpu" and torch.cuda.is_available()
    if run.batch_norm == "synchronised" and launch.world > 1 and not has_gpu:
        raise TrainingFailed(
            "run.batch_norm is synchronised, which torch has for GPUs alone: set it to "
            "per-process, or network.has_frozen_norms."
        )
