# Build: `docker build -t waymark .`
# Run:   `docker run --init -p 7420:7420 -v waymark:/data waymark`

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: all they bring is a Node, and the image has one.
RUN npm install --omit=dev --ignore-scripts

FROM node:24-slim
# util-linux has prlimit, which bounds what a pushed pack may cost.
RUN apt-get update \
  && apt-get install -y --no-install-recommends git util-linux ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE README.md ./
COPY schemas schemas
COPY registry-template registry-template
COPY plugin-templates plugin-templates
COPY src src
COPY cli cli
RUN install -d -o node -g node -m 0700 /data
USER node
ENV NODE_ENV=production WAYMARK_HOST=0.0.0.0 WAYMARK_PORT=7420 WAYMARK_DATA_DIR=/data
VOLUME /data
EXPOSE 7420
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.WAYMARK_PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
