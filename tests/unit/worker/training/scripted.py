"""A training's process that does what its request's script says, step by step.

    {"say": MESSAGE}     sends a message
    {"wait": "pause"}    until the worker asks it to pause
    {"sleep": SECONDS}   says nothing for so long
    {"write": TEXT}      writes a line that is no message
    {"die": SIGNAL}      ends by a signal

`scripts` holds one for each process that is begun; `counter` is a file that counts
them.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    request = json.loads(sys.stdin.readline())
    counter = Path(request["counter"])
    number = len(counter.read_text()) if counter.exists() else 0
    with counter.open("a") as file:
        file.write("*")
    for step in request["scripts"][number]:
        if "say" in step:
            print(json.dumps(step["say"]), flush=True)  # noqa: T201  # how it speaks
        elif "write" in step:
            print(step["write"], flush=True)  # noqa: T201  # how it speaks
        elif "wait" in step:
            while sys.stdin.readline().strip() != step["wait"]:
                pass
        elif "sleep" in step:
            time.sleep(step["sleep"])
        elif "die" in step:
            os.kill(os.getpid(), step["die"])


if __name__ == "__main__":
    main()
