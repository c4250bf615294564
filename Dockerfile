# An image with myriad alone: one static program of the musl C library, the usual certificate authorities, and nothing else,
# run by an account without rights. Backups, restores, verify, archive and prune need no more; drill and demo start a server
# of their own and want the image of deploy/Dockerfile.
#
#   docker build -t myriad .
#   docker run --rm -v "$PWD/backups:/backups" myriad list --repo /backups
#
# The folder must belong to 10001:10001, or give --user "$(id -u):$(id -g)".
FROM rust:1.85-alpine3.21 AS build
# hadolint ignore=DL3018
RUN apk add --no-cache build-base ca-certificates linux-headers perl
WORKDIR /src
COPY . .
RUN cargo build --profile static --locked --bin myriad \
 && install -D target/static/myriad /image/usr/bin/myriad \
 && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
 && install -d -m 0700 -o 10001 -g 10001 /image/backups \
 && install -d -m 1777 /image/tmp

FROM scratch
COPY --from=build /image /
USER 10001:10001
WORKDIR /backups
ENTRYPOINT ["/usr/bin/myriad"]
CMD ["--help"]
