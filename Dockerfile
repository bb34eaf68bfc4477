# One image for both parts: `shiftscope serve` shows the page, `shiftscope worker` trains.
# docker-compose.yml starts them; docs/docker.md says how.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Only what has to be installed: any other change of pyproject.toml leaves the large layer cached.
FROM ${PYTHON_IMAGE} AS requirements
COPY pyproject.toml /
RUN python3 -c "import tomllib; project = tomllib.load(open('/pyproject.toml', 'rb'))['project']; \
    print(*project['dependencies'], *project['optional-dependencies']['postgres'], sep='\n')" \
    > /requirements.txt

FROM ${PYTHON_IMAGE} AS environment
# The builds of torch to choose from: CPU ones. Empty leaves PyPI's own, which are CUDA ones on Linux.
# constraints.txt says which version; 2.13.0 there also means 2.13.0+cpu, which pip prefers.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python3 -m venv /opt/shiftscope
COPY constraints.txt /
COPY --from=requirements /requirements.txt /
RUN /opt/shiftscope/bin/pip install --no-cache-dir --constraint /constraints.txt \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --requirement /requirements.txt \
    # Tests and C++ headers, a fifth of it all, that nothing reads while shiftscope runs.
    && cd /opt/shiftscope/lib/python3*/site-packages \
    && rm -rf torch/test torch/include torch/bin/test_* torch/bin/protoc* \
    && find . -type d -name tests -prune -exec rm -r {} +

FROM ${PYTHON_IMAGE} AS package
WORKDIR /source
COPY pyproject.toml README.md ./
COPY db db
COPY trainer trainer
COPY server server
COPY web web
COPY docs/statistics.md docs/
RUN python3 -m pip wheel --no-cache-dir --no-deps --wheel-dir /package .

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
