# The GPU worker. torch's wheels bring the CUDA runtime; the host brings the driver
# and the NVIDIA container toolkit. EXTRAS=worker makes one for the CPU, without torch,
# EXTRAS=worker,train one that trains, on either.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
RUN useradd --create-home --uid 10001 touchline \
    && mkdir /data && chown touchline /data
WORKDIR /srv/touchline

# The dependencies alone: an edit of the code leaves this layer as it is.
ARG EXTRAS=worker,gpu
COPY pyproject.toml constraints.txt ./
RUN touch README.md && pip install --constraint constraints.txt ".[${EXTRAS},cloud,otel]"

COPY README.md LICENSE ./
COPY app app
COPY model model
COPY touchline touchline
COPY worker worker
COPY migrations migrations
RUN pip install --no-deps --force-reinstall .

USER 10001
ENV TOUCHLINE_DATA_DIR=/data \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
VOLUME /data
CMD ["touchline", "worker", "gpu"]
