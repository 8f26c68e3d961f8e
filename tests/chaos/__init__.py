"""Everything is killed at random while videos come in; nothing may be lost.

`python -m tests.chaos --seed N` runs it; see `docs/recovery.md` for what it proves.
"""
