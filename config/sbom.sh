#!/bin/sh
# Prints a software bill of materials of the product (CycloneDX 1.5, JSON): what is linked into the binary or lies beside it in
# the image, with the versions of the machine that it is called on. Needs dpkg and swift.
#
#   config/sbom.sh > sbom.json
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/.*static let version = "\(.*\)".*/\1/p' "$root/Sources/Sidecar/Product.swift")
swift_version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
architecture=$(dpkg --print-architecture)

component() { # package, licence (SPDX)
  found=$(dpkg-query -W -f '${source:Package} ${Version}' "$1")
  source_name=${found% *}
  printf '    {"type": "library", "name": "%s", "version": "%s", "licenses": [{"license": {"id": "%s"}}],\n' \
    "$1" "${found#* }" "$2"
  printf '     "purl": "pkg:deb/debian/%s@%s?arch=%s", "properties": [{"name": "debian:source", "value": "%s"}]}' \
    "$1" "$(printf %s "${found#* }" | sed 's/:/%3A/g; s/+/%2B/g; s/~/%7E/g')" "$architecture" "$source_name"
}

# The runtime package behind a library, whatever its suffix is on this release.
owner() { # library's file name
  path=$(ldconfig -p | awk -v name="$1" '$1 == name {print $NF; exit}')
  dpkg -S "$(readlink -f "$path")" 2>/dev/null | head -n 1 | cut -d: -f1
}

cat <<HEAD
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "metadata": {
    "component": {"type": "application", "name": "passkey-sidecar", "version": "$version"}
  },
  "components": [
    {"type": "library", "name": "swift-stdlib", "version": "$swift_version",
     "licenses": [{"expression": "Apache-2.0 WITH Swift-exception"}], "purl": "pkg:generic/swift@$swift_version"},
HEAD
component "$(owner libssl.so.3)" Apache-2.0
printf ',\n'
component "$(owner libnghttp2.so.14)" MIT
printf ',\n'
component "$(owner libsqlite3.so.0)" blessing
printf ',\n'
component "$(owner libyaml-0.so.2)" MIT
if grep -q '"CHiredis"' "$root/Package.swift"; then
  printf ',\n'
  component "$(owner "$(ldconfig -p | awk '/libhiredis\.so/ {print $1; exit}')")" BSD-3-Clause
fi
printf '\n  ]\n}\n'
