#!/usr/bin/env bash
# Build a kube-apiserver and an etcd into ~/go/bin, where the tests of deploying look for them.
# k8s.io/kubernetes can't be installed by `go install`: its go.mod replaces its own parts by folders
# that only its repository has. A module of our own replaces them by their published versions.
# About 6 minutes of CPU time.
set -euo pipefail
kubernetes=v1.32.13
parts=v0.32.13
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<END
module scratch
go 1.23.0
require k8s.io/kubernetes $kubernetes
END
for part in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider \
  cluster-bootstrap code-generator component-base component-helpers controller-manager cri-api \
  cri-client csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms \
  kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics \
  mount-utils pod-security-admission sample-apiserver sample-cli-plugin sample-controller; do
  go mod edit -replace "k8s.io/$part=k8s.io/$part@$parts"
done
# This one's last version is not on every module proxy.
go mod edit -replace k8s.io/csi-translation-lib=k8s.io/csi-translation-lib@v0.32.12
mkdir -p "$HOME/go/bin"
export CGO_ENABLED=0 GOFLAGS="-mod=mod -buildvcs=false"
go build -ldflags="-s -w" -o "$HOME/go/bin/etcd" go.etcd.io/etcd/server/v3
go build -ldflags="-s -w" -o "$HOME/go/bin/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
