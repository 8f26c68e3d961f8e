"""The examination: every part of the service, as this machine sees it.

Nothing is changed or started, and nothing is written but a small object in the bucket
that videos are kept in, which is deleted at once.
"""

from collections.abc import Iterator
from functools import partial

from app.core.settings import Settings
from app.doctor import machine
from app.doctor.buckets import check_bucket, check_source_buckets
from app.doctor.findings import Finding, run_checks
from app.doctor.models import check_models
from app.doctor.presigned import check_presigned
from app.doctor.replica import check_replica
from app.doctor.services import check_broker, check_database
from app.doctor.traces import check_traces


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at every part; findings come as they are made."""
    return run_checks(
        [
            ("python", machine.check_python),
            ("packages", machine.check_packages),
            ("decoder", machine.check_decoder),
            ("access", partial(machine.check_access, settings)),
            ("port", partial(machine.check_port, settings)),
            ("data directory", partial(machine.check_data_dir, settings)),
            ("disk", partial(machine.check_disk, settings)),
            ("shared memory", machine.check_shared_memory),
            ("bucket", partial(check_bucket, settings)),
            ("source buckets", partial(check_source_buckets, settings)),
            ("presigned", partial(check_presigned, settings)),
            ("import folder", partial(machine.check_import_dir, settings)),
            ("webhook secret", partial(machine.check_webhook_secret, settings)),
            ("traces", partial(check_traces, settings)),
            ("broker", partial(check_broker, settings)),
            ("database", partial(check_database, settings)),
            ("replica", partial(check_replica, settings)),
            ("models", partial(check_models, settings)),
        ]
    )
