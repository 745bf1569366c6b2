# Builds with the development dependencies, and ships only what runs: docker build -t safka . && docker run -p 9000:9000 safka
FROM node:26-slim AS build
WORKDIR /safka
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json LICENSE ./
COPY scripts/prepare.mjs scripts/
COPY src src
COPY workers workers
# `npm ci` builds dist, as its last step.
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:26-slim
WORKDIR /safka
RUN mkdir /data && chown node:node /data
COPY --from=build /safka/node_modules node_modules
COPY --from=build /safka/dist dist
COPY --from=build /safka/package.json /safka/LICENSE ./
ENV NODE_ENV=production SAFKA_DATA=/data
# Where clients reach a mapped port, say so: docker run -p 19092:9000 -e SAFKA_ADVERTISED=localhost:19092 safka
ENV SAFKA_ADVERTISED=""
USER node
EXPOSE 9000
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
  CMD node dist/src/cli/main.js topic list --broker "127.0.0.1:${SAFKA_PORT:-9000}" > /dev/null
ENTRYPOINT ["node", "dist/src/cli/main.js"]
CMD ["start"]
