"""Starts a worker: `python -m worker.main -A worker.KIND worker ...`, Celery's options.

A spawned child runs this module again, under another name, before it imports its entry;
`worker.pool` and `worker.background` turn the collector on once all is imported.
"""

import gc

gc.disable()

if __name__ == "__main__":
    from celery.__main__ import main

    main()
