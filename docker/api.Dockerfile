# API, background worker and migrations: the base install, without torch, OpenVINO or PyAV.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
RUN useradd --create-home --uid 10001 touchline \
    && mkdir /data && chown touchline /data
WORKDIR /srv/touchline

# The dependencies alone: an edit of the code leaves this layer as it is.
COPY pyproject.toml constraints.txt ./
RUN touch README.md && pip install --constraint constraints.txt ".[cloud,formats,otel,parquet]"

COPY README.md LICENSE ./
COPY app app
COPY model model
COPY touchline touchline
COPY worker worker
COPY migrations migrations
RUN pip install --no-deps --force-reinstall .

USER 10001
ENV TOUCHLINE_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
CMD ["touchline", "api"]
