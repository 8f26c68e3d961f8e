# API, light worker and migrations: the base install, without torch.
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
RUN pip install .

USER 10001
ENV TOUCHLINE_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
CMD ["touchline", "api"]
