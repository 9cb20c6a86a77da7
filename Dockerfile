# Build: a static binary, nothing of the builder in it but the Go toolchain's work.
FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -tags grpcnotrace -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/fanfare ./cmd/fanfare
# For the socket of `fanfare reload`.
RUN mkdir -p /out/run/fanfare

# Run: the binary, a user and the certificates that https calls check against.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/fanfare /usr/local/bin/fanfare
COPY LICENSE /LICENSE
COPY --from=build --chown=65532:65532 /out/run/fanfare /run/fanfare
# A number needs no /etc/passwd, and Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 6001 9601
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/fanfare", "health"]
ENTRYPOINT ["/usr/local/bin/fanfare"]
CMD ["serve"]
