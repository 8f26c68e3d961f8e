# The GPU worker. torch's wheels bring the CUDA runtime; the host brings the driver
# and the NVIDIA container toolkit.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
RUN useradd --create-home --uid 10001 touchline \
    && mkdir /data && chown touchline /data
WORKDIR /srv/touchline
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY model model
COPY worker worker
COPY migrations migrations
# The project itself is installed here, not a package by name.
# hadolint ignore=DL3013
RUN pip install ".[gpu]"

USER 10001
ENV TOUCHLINE_DATA_DIR=/data \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
VOLUME /data
CMD ["celery", "-A", "worker.gpu", "worker", "-Q", "gpu", "-n", "gpu@%h", "--concurrency", "1", "--loglevel", "INFO"]
