"""Print the kinds of jobs as the Helm chart asks the database for them.

make chart     writes docker/helm/touchline/templates/_kinds.tpl
"""

import sys

from app.core.workers import WORKERS
from app.jobs.kinds import kinds_of
from app.jobs.needs import offers_of

HEAD = """\
{{- /* The kinds of jobs of each queue, and the version of each that is offered.
Written by `make chart` from app/jobs/kinds.py. */ -}}
"""


def template() -> str:
    """Write the template, with a line for each queue."""
    lines = [
        f"{queue}: [{', '.join(offers_of(kinds_of(queue)))}]\n" for queue in WORKERS
    ]
    define, end = '{{- define "touchline.kinds" -}}\n', "{{- end -}}\n"
    return HEAD + define + "".join(lines) + end


if __name__ == "__main__":
    sys.stdout.write(template())
