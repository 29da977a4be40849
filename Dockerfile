# syntax=docker/dockerfile:1
# One image for every process: web (the default command), worker, beat and the release job (see compose.yaml).
FROM python:3.11-slim-bookworm AS packages
RUN python -m venv /venv
COPY requirements.lock /tmp/requirements.lock
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements.lock

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PRODUCTION=1 \
    DATA_DIR=/data \
    STATIC_ROOT=/app/collected
RUN groupadd --gid 10001 alignment \
    && useradd --uid 10001 --gid alignment --no-create-home --home-dir /data --shell /usr/sbin/nologin alignment \
    && install -d -o alignment -g alignment -m 0700 /data
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY alignment alignment
COPY scorecard scorecard
COPY sla sla
COPY handoff handoff
COPY planning planning
COPY dashboard dashboard
COPY deploy deploy
COPY templates templates
COPY static static
# The key only lets the settings load; nothing is signed with it and it is in no layer's environment.
RUN SECRET_KEY=only-to-collect-static-files DATA_DIR=/tmp/build python manage.py collectstatic --no-input \
    && rm -rf /tmp/build
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 CMD ["python", "deploy/healthcheck.py", "web"]
CMD ["gunicorn", "alignment.wsgi", "-k", "gthread", "--workers", "4", "--threads", "4", "--bind", "0.0.0.0:8000", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--log-level", "warning"]
