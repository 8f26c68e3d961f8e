"""Starts a worker: `python -m worker.main -A worker.KIND worker ...`, Celery's options.

A spawned child runs this module again, under another name, before it imports its entry;
`worker.pool` and `worker.background` turn the collector on once all is imported.

Threads of OpenMP, which torch computes with, sleep while they wait for each other, here
and in what is started from here: by default they spin, and where another worker has the
cores they spin in the place of the thread that they wait for (`benchmarks.threads`).
"""

import gc
import os

gc.disable()
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded

if __name__ == "__main__":
    from celery.__main__ import main

    main()
