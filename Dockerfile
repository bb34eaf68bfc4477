# One image for both parts: `shiftscope serve` shows the page, `shiftscope worker` trains.
# docker-compose.yml starts them; docs/docker.md says how.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS environment
# The builds of torch that LOCK names: CPU ones. Empty for requirements-cuda.lock: PyPI's own.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Every package with its version and its hashes. No other change leaves the large layer uncached.
ARG LOCK=requirements.lock
RUN python3 -m venv /opt/shiftscope
COPY requirements.lock requirements-cuda.lock /
RUN /opt/shiftscope/bin/pip install --no-cache-dir --require-hashes \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --requirement "/$LOCK" \
    # Tests and C++ headers, a fifth of it all, that nothing reads while shiftscope runs.
    && cd /opt/shiftscope/lib/python3*/site-packages \
    && rm -rf torch/test torch/include torch/bin/test_* torch/bin/protoc* \
    && find . -type d -name tests -prune -exec rm -r {} +

# With the setuptools that is locked, too: in isolation pip would fetch the newest.
FROM environment AS package
WORKDIR /source
COPY pyproject.toml README.md ./
COPY db db
COPY trainer trainer
COPY server server
COPY web web
COPY docs/statistics.md docs/
RUN /opt/shiftscope/bin/pip wheel --no-cache-dir --no-deps --no-index --no-build-isolation \
    --wheel-dir /package .

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 shiftscope \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp shiftscope \
    && install --directory --owner=10001 --group=10001 /data
COPY --from=environment /opt/shiftscope /opt/shiftscope
COPY --from=package /package /package
RUN /opt/shiftscope/bin/pip install --no-cache-dir --no-index --no-deps /package/*.whl
ENV PATH=/opt/shiftscope/bin:$PATH PYTHONUNBUFFERED=1 SHIFTSCOPE_DATA=/data
USER 10001:10001
EXPOSE 8420
CMD ["shiftscope", "serve", "--no-browser", "--host", "0.0.0.0"]
