"""Holds config/kubernetes against the schemas of Kubernetes 1.29 to 1.37.

Where kubectl is installed its `kustomize` renders the two examples; elsewhere the patches are laid over the app's Deployment
here, which is enough to judge every field. Prints one line a version; ends with 1 at the first document that is refused, or
where the documents do not fit each other: ports, probes, what an end may take, and what the container may do.
"""

import pathlib
import shutil
import subprocess
import sys

import kubernetes_validate
import yaml

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
ROOT = pathlib.Path(__file__).resolve().parents[2] / "config" / "kubernetes"
EXAMPLES = {"one-replica": ["sidecar", "state-volume"], "replicas": ["sidecar"]}


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def merged(base, patch):
    """A strategic merge as far as our patches need it: lists of named things are merged by name, `null` removes."""
    if isinstance(base, dict) and isinstance(patch, dict):
        result = dict(base)
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merged(base[key], value) if key in base else value
        return result
    if isinstance(base, list) and isinstance(patch, list) and all("name" in one for one in base + patch):
        result = {one["name"]: one for one in base}
        for one in patch:
            result[one["name"]] = merged(result.get(one["name"], {}), one)
        return list(result.values())
    return patch


def without_kubectl(example, components):
    folders = [ROOT / name for name in components] + [ROOT / example]
    found = {document["kind"]: document for document in documents(ROOT / "app" / "app.yaml")}
    for folder in folders:
        kustomization = documents(folder / "kustomization.yaml")[0]
        for patch in kustomization.get("patches", []):
            text = documents(folder / patch["path"])[0]
            kind = text["kind"]
            name = found[kind]["metadata"]["name"]
            found[kind] = merged(found[kind], text)
            found[kind]["metadata"]["name"] = name
        for resource in kustomization.get("resources", []):
            if not resource.startswith(".."):
                for document in documents(folder / resource):
                    found[document["kind"]] = document
    return list(found.values())


def rendered(example, components):
    if shutil.which("kubectl"):
        output = subprocess.run(["kubectl", "kustomize", str(ROOT / example)], capture_output=True, text=True, check=True)
        return [document for document in yaml.safe_load_all(output.stdout) if document]
    return without_kubectl(example, components)


def seconds(duration):
    return {"s": 1, "m": 60, "h": 3600}[duration[-1]] * int(duration[:-1])


def misfits(resources):
    found = {resource["kind"]: resource for resource in resources}
    configuration = yaml.safe_load(found["ConfigMap"]["data"]["sidecar.yaml"]) if "ConfigMap" in found else None
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (app,), (ours,) = pod["containers"], pod["initContainers"]
    ports = {port["name"]: port["containerPort"] for port in ours["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if ours[probe]["httpGet"]["port"] != "probes":
            yield f"{probe} asks another port than that of the probes"
    allowed = [port["port"] for rule in found["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
    if sorted(allowed) != sorted(ports.values()):
        yield "the network policy opens other ports than the sidecar's"
    if [port["targetPort"] for port in found["Service"]["spec"]["ports"]] != [ports["gateway"]]:
        yield "the Service leads elsewhere than to the sidecar"
    security = ours["securityContext"]
    if not (security["runAsNonRoot"] and security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            and security["capabilities"] == {"drop": ["ALL"]} and security["seccompProfile"]["type"] == "RuntimeDefault"):
        yield "the container may do more than it needs"
    if not app["lifecycle"]["preStop"]["sleep"]["seconds"]:
        yield "the app ends before others have heard of it"
    if configuration is None:
        return
    listening = [listener["address"].rsplit(":", 1) for listener in configuration["listen"]]
    if listening != [["0.0.0.0", str(ports["gateway"])]] or configuration["probes"]["address"] != f"0.0.0.0:{ports['probes']}":
        yield "the configuration listens elsewhere than the pod says"
    limits = configuration.get("limits", {})
    ending = app["lifecycle"]["preStop"]["sleep"]["seconds"] + seconds(limits.get("lameDuck", "5s")) + seconds(limits.get("drain", "30s"))
    if pod["terminationGracePeriodSeconds"] < ending:
        yield f"the grace period is shorter than the {ending} seconds that an orderly end may take"


def main():
    for example, components in EXAMPLES.items():
        resources = rendered(example, components)
        kinds = sorted(resource["kind"] for resource in resources)
        for version in VERSIONS:
            for resource in resources:
                try:
                    kubernetes_validate.validate(resource, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    print(f"{example}: {version}: {resource['kind']}: {error}")
                    return 1
            print(f"{example}: {version}: {' '.join(kinds)}")
        problems = list(misfits(resources))
        if problems:
            print(f"{example}: {'; '.join(problems)}")
            return 1
        deployment = next(resource for resource in resources if resource["kind"] == "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        ours = [one for one in pod["initContainers"] if one["name"] == "passkey-sidecar"]
        if len(ours) != 1 or ours[0].get("restartPolicy") != "Always" or len(pod["containers"]) != 1:
            print(f"{example}: no native sidecar beside the app")
            return 1
    return 0


sys.exit(main())
