# The images spectacles/gateway and spectacles/proxy, from one executable:
#   docker build --target gateway --tag spectacles/gateway .
#   docker build --target proxy --tag spectacles/proxy .
# docs/deploy.md says how to run them. scripts/image.ts builds and tries them where there is no Docker.

ARG BUN_IMAGE=docker.io/oven/bun:1.4.5
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm
# Anything with glibc 2.34 or newer and libgcc: gcr.io/distroless/cc-debian12 will do too, since nothing runs a shell.
ARG RUNTIME_IMAGE=docker.io/library/debian:12-slim

FROM ${BUN_IMAGE} AS bun

FROM ${RUST_IMAGE} AS build
COPY --from=bun /usr/local/bin/bun /usr/local/bin/bun
WORKDIR /spectacles
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production --ignore-scripts
COPY native native
COPY scripts/build-native.ts scripts/
RUN bun scripts/build-native.ts
COPY scripts scripts
COPY src src
# What `spectacles --version` says: git's folder stays outside.
ARG SPECTACLES_COMMIT=""
# An executable whose native codec does not load would run all the same, at several times the CPU an event.
RUN bun run build && dist/spectacles --version | grep "codec: native" \
  && mkdir /empty

# An example command handler, for deploy/compose.yaml.
FROM ${BUN_IMAGE} AS handler
WORKDIR /spectacles
COPY --from=build /spectacles/node_modules node_modules
COPY --from=build /spectacles/package.json ./
COPY --from=build /spectacles/src src
COPY examples/ping.ts examples/
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["bun", "examples/ping.ts"]

FROM ${RUNTIME_IMAGE} AS runtime
ARG SPECTACLES_COMMIT=""
ARG SPECTACLES_VERSION="0.1.0"
LABEL org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.vendor="Spectacles" \
  org.opencontainers.image.version="${SPECTACLES_VERSION}" \
  org.opencontainers.image.revision="${SPECTACLES_COMMIT}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /spectacles/dist/spectacles /usr/local/bin/spectacles
COPY LICENSE /usr/share/doc/spectacles/LICENSE
# Files that a gateway keeps (shard_store.type = "file") belong in a volume at /data.
COPY --from=build --chown=65532:65532 /empty /data
# So that an authority of your own, put in that file, is trusted for Redis and AMQP too.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
# gateway.toml or proxy.toml is read from here, when it is mounted. Copied, since not every builder makes a WORKDIR.
COPY --from=build /empty /etc/spectacles
WORKDIR /etc/spectacles
USER 65532:65532
STOPSIGNAL SIGTERM

FROM runtime AS gateway
LABEL org.opencontainers.image.title="spectacles/gateway" \
  org.opencontainers.image.description="Holds a Discord bot's shards and publishes its events to a broker"
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["spectacles", "health", "gateway"]
ENTRYPOINT ["spectacles", "gateway"]

FROM runtime AS proxy
LABEL org.opencontainers.image.title="spectacles/proxy" \
  org.opencontainers.image.description="One rate limiter in front of Discord's REST API"
ENV PROXY_ADDRESS=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["spectacles", "health", "proxy"]
ENTRYPOINT ["spectacles", "proxy"]
