# Two images: `service` (API, console, worker, MLflow) and `web` (the chart). docs/containers.md tells of both.
#   docker build --target service --tag candleloop-service .
#   docker build --target web --tag candleloop-web .

FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

# The packages of uv.lock and candleloop itself, as an environment that needs neither uv nor a compiler.
FROM python:3.11.15-slim-bookworm AS python-build
COPY --from=uv /uv /usr/local/bin/uv
WORKDIR /source
ENV UV_PROJECT_ENVIRONMENT=/opt/candleloop \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1
# The packages first: they change less often than the code.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project --extra servers --extra cluster
COPY README.md LICENSE ./
COPY config/pipeline.yaml config/pipeline.yaml
COPY mllib mllib
COPY api api
COPY app app
COPY pages pages
RUN uv sync --frozen --no-dev --no-editable --extra servers --extra cluster

FROM python:3.11.15-slim-bookworm AS service
RUN groupadd --system --gid 10001 candleloop \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin \
        candleloop \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/candleloop
COPY --from=python-build /opt/candleloop /opt/candleloop
ENV PATH=/opt/candleloop/bin:$PATH \
    CANDLELOOP_HOME=/var/lib/candleloop \
    HOME=/tmp \
    DVC_SITE_CACHE_DIR=/tmp/dvc \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Not where the packages lie: Python would look for modules there first.
WORKDIR /var/lib/candleloop
VOLUME /var/lib/candleloop
USER 10001:10001
ENTRYPOINT ["candleloop"]
CMD ["--help"]

FROM node:24.18.0-bookworm-slim AS web-build
WORKDIR /source
ENV NEXT_TELEMETRY_DISABLED=1
COPY web/package.json web/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY web ./
# Next.js builds it in: `false` takes all predictions out of the chart.
ARG NEXT_PUBLIC_PREDICTIONS_ENABLED=true
RUN npm run build && cp -r .next/static .next/standalone/.next/static

FROM node:24.18.0-bookworm-slim AS web
# npm is of no use to a server, and what it brings is only there to be attacked.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn*
WORKDIR /srv/web
COPY --from=web-build /source/.next/standalone ./
ENV NODE_ENV=production \
    NEXT_TELEMETRY_DISABLED=1 \
    HOSTNAME=0.0.0.0 \
    PORT=3000
USER 1000:1000
EXPOSE 3000
CMD ["node", "server.js"]
