"""All metrics of the service. Dashboards and alert rules go by these names."""

from app.metrics.exposition import Family

INFO = Family("touchline_info", "gauge", "1, with the version that runs.")
DATABASE_UP = Family(
    "touchline_database_up",
    "gauge",
    "Whether the database answered; 0: what it would tell is left out.",
)
JOBS = Family("touchline_jobs", "gauge", "Jobs that wait or run now.")
JOB_OLDEST = Family(
    "touchline_job_oldest_seconds",
    "gauge",
    "Age of the oldest job that waits or runs, since it was asked for; 0 without any.",
)
LEASES_EXPIRED = Family(
    "touchline_leases_expired",
    "gauge",
    "Jobs whose worker fell silent and that nobody has taken over yet.",
)
JOBS_ENDED = Family(
    "touchline_jobs_ended_last_hour",
    "gauge",
    "Jobs that ended within the last hour, by how; error_code is empty unless failed.",
)
JOB_SECONDS = Family(
    "touchline_job_mean_seconds",
    "gauge",
    "Mean time of jobs that succeeded within the last hour: wait, until a worker "
    "first took them, and run, from then to the end.",
)
JOB_ATTEMPTS = Family(
    "touchline_job_attempts_last_hour",
    "gauge",
    "Runs that jobs took which ended within the last hour, retries included.",
)
LEASES_LOST = Family(
    "touchline_leases_lost_last_hour",
    "gauge",
    "Runs that ended with the death or silence of their worker, of jobs that are open "
    "or ended within the last hour.",
)
FRAMES_PER_SECOND = Family(
    "touchline_analysis_frames_per_second",
    "gauge",
    "Frames of video analysed in a second of run time, over analyses that succeeded "
    "at the first attempt within the last hour; absent without any.",
)
SPOTTING_FRAMES_PER_SECOND = Family(
    "touchline_spotting_frames_per_second",
    "gauge",
    "Frames of video in a second of the stage `spot` alone, over the same analyses: "
    "without loading, probing and storing.",
)
STAGE_SECONDS = Family(
    "touchline_job_stage_seconds_last_hour",
    "gauge",
    "Time that jobs which ended within the last hour spent in each stage, over all "
    "their runs, however they ended.",
)
STAGE_JOBS = Family(
    "touchline_job_stage_jobs_last_hour",
    "gauge",
    "Jobs that ended within the last hour and came to that stage.",
)
WEBHOOK_MESSAGES = Family(
    "touchline_webhook_messages",
    "gauge",
    "Webhook messages not delivered yet: due now, or later, after a failed attempt.",
)
WEBHOOK_DELAY = Family(
    "touchline_webhook_oldest_due_seconds",
    "gauge",
    "How long the oldest webhook message has been due; 0 without any.",
)
WEBHOOKS = Family(
    "touchline_webhooks",
    "gauge",
    "Webhooks that work, that have failed since anything last arrived, or that are "
    "switched off.",
)
WORKERS_ALIVE = Family(
    "touchline_workers",
    "gauge",
    "Workers heard of lately: ready, or with a problem of their own.",
)
STORAGE_UP = Family(
    "touchline_storage_up", "gauge", "Whether the storage can be written to."
)
STORAGE_FREE = Family(
    "touchline_storage_free_bytes", "gauge", "Bytes that the storage has room for."
)
STORED_BYTES = Family(
    "touchline_stored_video_bytes",
    "gauge",
    "Bytes of the files of all videos, and of those that wait to be joined.",
)
VIDEOS = Family("touchline_videos", "gauge", "Videos of all projects.")
HTTP_REQUESTS = Family(
    "touchline_http_requests_total",
    "counter",
    "Requests answered by this process; status is aborted if the client left before.",
)
HTTP_SECONDS = Family(
    "touchline_http_request_seconds",
    "histogram",
    "Time from a request's headers to those of its answer, so with the time that the "
    "client took to send a body.",
)
HTTP_IN_PROGRESS = Family(
    "touchline_http_requests_in_progress",
    "gauge",
    "Requests that this process answers now, open streams included.",
)

FAMILIES = (
    *(INFO, DATABASE_UP, JOBS, JOB_OLDEST, LEASES_EXPIRED, JOBS_ENDED, JOB_SECONDS),
    *(JOB_ATTEMPTS, LEASES_LOST, FRAMES_PER_SECOND, WEBHOOK_MESSAGES, WEBHOOK_DELAY),
    *(SPOTTING_FRAMES_PER_SECOND, STAGE_SECONDS, STAGE_JOBS),
    *(WEBHOOKS, WORKERS_ALIVE, STORAGE_UP, STORAGE_FREE, STORED_BYTES, VIDEOS),
    *(HTTP_REQUESTS, HTTP_SECONDS, HTTP_IN_PROGRESS),
)
