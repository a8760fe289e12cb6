# The dashboard API and the dashboard: two services, one image, one static binary that `make build` left in bin/.
# Built from scratch, so that no registry is needed; classic builder and BuildKit both take it.
FROM scratch
LABEL org.opencontainers.image.title="Dream Server dashboard API" \
      org.opencontainers.image.description="Serves the dashboard and its API; holds no Docker socket and is not root" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY bin/dashboard-api /dashboard-api
# Numbers, not names: there is no /etc/passwd in here. The compose file sets the install's owner instead.
USER 1000:1000
EXPOSE 3001 3002
ENTRYPOINT ["/dashboard-api"]
