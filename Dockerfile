# Steppe's images; choose one with --target, the service on processors is the default.
#
#   serve-cpu   the service on processors
#   serve-gpu   the service on NVIDIA GPUs: the host brings the driver and the NVIDIA container toolkit, the CUDA and
#               cuDNN libraries come from PyPI with onnxruntime-gpu. So both services share one base, every library is
#               checked against a hash, and the GPU image carries only the libraries that the runtime loads.
#   train       training, evaluation and publishing, on processors or NVIDIA GPUs
#
# All of them run as user 10001 and own nothing but /var/lib/steppe.

FROM python:3.12-slim-trixie AS base
ENV PATH=/opt/steppe/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
# Pictures take their accented letters from DejaVu; rasterio's wheels expect the system's expat. Debian serves one version of a package, so there is none to pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core libexpat1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home steppe \
    && install --directory --owner steppe --group steppe /var/lib/steppe
WORKDIR /var/lib/steppe
LABEL org.opencontainers.image.title="Steppe" \
    org.opencontainers.image.description="Land-cover and land-degradation classification of satellite scenes" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="0.1.0"

# --- build: none of these stages is shipped, only the environment each one makes --------------------------------------

FROM base AS wheel
WORKDIR /src
COPY requirements/build.lock requirements/
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY landcover landcover
COPY indicators indicators
# Without the zoo: the service gets the bundles as a layer of their own.
COPY models/*.py models/py.typed models/
COPY training training
COPY serving serving
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM base AS build-serve-cpu
RUN python -m venv /opt/steppe
COPY requirements/serve.lock requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/serve.lock
COPY --from=wheel /wheels /wheels
RUN pip install --no-deps --no-index /wheels/*.whl

FROM base AS build-serve-gpu
RUN python -m venv /opt/steppe
COPY requirements/serve-gpu.lock requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/serve-gpu.lock
COPY --from=wheel /wheels /wheels
RUN pip install --no-deps --no-index /wheels/*.whl

FROM base AS build-train
RUN python -m venv /opt/steppe
COPY requirements/build.lock requirements/train.lock requirements/
# One dependency comes without a wheel; what builds it is pinned like the rest.
RUN pip install --require-hashes -r requirements/build.lock \
    && pip install --require-hashes --no-build-isolation -r requirements/train.lock
COPY --from=wheel /wheels /wheels
RUN pip install --no-deps --no-index /wheels/*.whl

# --- training ---------------------------------------------------------------------------------------------------------

FROM base AS train
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-train /opt/steppe /opt/steppe
COPY configs configs
USER 10001
# A training run ends by itself and its exit status is its health.
HEALTHCHECK NONE
ENTRYPOINT ["steppe"]
CMD ["train", "--help"]

# --- the service ------------------------------------------------------------------------------------------------------

FROM base AS serve
ENV STEPPE_HOST=0.0.0.0 \
    STEPPE_PORT=8080 \
    STEPPE_ZOO=/opt/zoo \
    STEPPE_REGISTRY=/var/lib/steppe/models \
    STEPPE_STATE=/var/lib/steppe/state
COPY models/zoo /opt/zoo
USER 10001
EXPOSE 8080
VOLUME /var/lib/steppe
# Straight to the service, whatever proxy the environment names.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['STEPPE_PORT'] + '/livez', timeout=4)"]
ENTRYPOINT ["steppe"]
CMD ["serve"]

FROM serve AS serve-gpu
# The loader must find the CUDA and cuDNN libraries where their packages put them; onnxruntime-gpu looks at import.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LD_LIBRARY_PATH=/opt/steppe/lib/python3.12/site-packages/nvidia/cu13/lib:/opt/steppe/lib/python3.12/site-packages/nvidia/cudnn/lib
COPY --from=build-serve-gpu /opt/steppe /opt/steppe

FROM serve AS serve-cpu
COPY --from=build-serve-cpu /opt/steppe /opt/steppe
