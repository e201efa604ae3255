# syntax=docker/dockerfile:1
# The image of MyScheduler: `docker build -t myscheduler .`
# To pin the base by its digest: --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:…
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/myscheduler
# the locked dependencies are a separate layer, rebuilt only when they change; all are wheels, so nothing is compiled
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --python /opt/myscheduler/bin/python install --disable-pip-version-check --no-compile \
    --require-hashes --only-binary=:all: -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY myscheduler ./myscheduler
# the build tool is not part of the image; bytecode that isn't checked against file times stays valid even if layers change these
RUN python -m pip --python /opt/myscheduler/bin/python install --disable-pip-version-check --no-cache-dir --no-compile \
    --no-deps --no-build-isolation . \
    && python -m pip --python /opt/myscheduler/bin/python uninstall --yes flit-core \
    && /opt/myscheduler/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/myscheduler/lib

FROM ${PYTHON_IMAGE}
# the base has no bytecode, and no user could write it later; compiling it here saves a third of the time of each start
RUN python -m compileall -q -j 0 -x site-packages --invalidation-mode unchecked-hash /usr/local/lib/python3*
COPY --from=build /opt/myscheduler /opt/myscheduler
COPY --chmod=644 docker/health.py /opt/myscheduler/health.py
# any user in group 0 may keep the database here, as on OpenShift; the folder of the manifests is a mount point
RUN mkdir -p /app/data /app/jobs.d && chmod 775 /app/data
WORKDIR /app
ENV PATH=/opt/myscheduler/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    MYSCHEDULER_HOST=0.0.0.0 \
    MYSCHEDULER_PORT=8003 \
    MYSCHEDULER_JOBS_DIR=/app/jobs.d \
    DATABASE_URL=sqlite:////app/data/jobs.db
USER 10001:0
EXPOSE 8003
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-S", "/opt/myscheduler/health.py"]
ENTRYPOINT ["myscheduler"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="MyScheduler" \
      org.opencontainers.image.description="A declarative, GitOps-style scheduler of HTTP calls" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
