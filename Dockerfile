# The product in an image without a shell: the binary, six shared libraries beside what the base brings, a user without rights.
#
#   docker build -t passkey-sidecar .
#   docker run --read-only -p 8080:8080 -v ./sidecar.yaml:/etc/passkey-sidecar/sidecar.yaml:ro \
#     -v ./corbado-api-secret:/run/secrets/corbado-api-secret:ro -v passkey-sidecar-state:/var/lib/passkey-sidecar passkey-sidecar
#
# The configuration needs `state: {sqlite: /var/lib/passkey-sidecar/state.db}`: a relative path would mean the folder of the
# configuration, which is not writable. Nothing secret is in the image or in its environment.
#
# Built by buildah on bases put together from Debian's packages, as the published ones were out of reach: stripped binary 13 MB, 20 MB
# beside the base, 36 MB in all. It ran from that file system, read-only, as user 65532 without capabilities, and took 19 MB of memory
# (3 of them its own) before the first request. Podman and buildah keep HEALTHCHECK with `--format docker` only.

FROM swift:6.3-bookworm AS build
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libssl-dev libnghttp2-dev libsqlite3-dev libyaml-dev libhiredis-dev pkg-config
WORKDIR /source
COPY Package.swift ./
COPY Sources ./Sources
# Not built: `swift build` wants to see every target that the package names.
COPY Tests ./Tests
COPY config/sbom.sh ./config/
RUN swift build -c release --static-swift-stdlib --product passkey-sidecar -Xlinker -rpath -Xlinker /app/lib \
 && strip -o /passkey-sidecar "$(swift build -c release --static-swift-stdlib --show-bin-path)/passkey-sidecar"
# What Debian's C library, libgcc and libstdc++ do not bring, as the base has those of the same release.
RUN mkdir -p /image/app/lib /image/var/lib/passkey-sidecar \
 && cp /passkey-sidecar /image/app/ \
 && for name in libssl3 libnghttp2-14 libsqlite3-0 libyaml-0-2 libhiredis0.14; do \
      mkdir -p "/image/app/licences/$name" && cp "/usr/share/doc/$name/copyright" "/image/app/licences/$name/"; done \
 && ldd /passkey-sidecar | awk '$3 ~ /\/lib(ssl|crypto|nghttp2|sqlite3|yaml-0|hiredis)\.so/ {print $3}' | xargs -I{} cp -L {} /image/app/lib/ \
 && sh config/sbom.sh >/image/app/sbom.json

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/app /app
COPY --from=build --chown=65532:65532 /image/var/lib/passkey-sidecar /var/lib/passkey-sidecar
VOLUME /var/lib/passkey-sidecar
# Where `certificateAuthority: system` finds the roots; the base brings the file.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080 9901
HEALTHCHECK --interval=10s --timeout=3s CMD ["/app/passkey-sidecar", "health", "--config", "/etc/passkey-sidecar/sidecar.yaml"]
ENTRYPOINT ["/app/passkey-sidecar"]
CMD ["run", "--config", "/etc/passkey-sidecar/sidecar.yaml"]
