"""The files for container engines and Kubernetes, as far as they can be judged without either."""
import glob
import json
import os
import re
import subprocess

import topology as top
from support import httpc
from support.case import Skip
from support.server import BIN, free_port

ONCE = "They judge files, and the program does little."

PACKAGING = os.path.abspath(os.path.join(top.HERE, "..", "..", "scripts", "packaging"))
# Read by the system's Python, which has the parser; printed as JSON.
READ = "import json, sys, yaml; print(json.dumps([d for p in sys.argv[1:] for d in yaml.safe_load_all(open(p)) if d]))"


def documents(*paths):
    done = subprocess.run(["/usr/bin/python3", "-c", READ, *paths], capture_output=True, text=True, timeout=20)
    if "No module named 'yaml'" in done.stderr:
        raise Skip("python3-yaml is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def named(all_of_them, kind, name):
    return next(d for d in all_of_them if d["kind"] == kind and d["metadata"]["name"] == name)


def test_kubernetes_objects_fit_each_other(t):
    """Selectors, ports, names of services and configurations of the manifests agree, and srs -t takes the latter."""
    found = documents(*glob.glob(os.path.join(PACKAGING, "kubernetes", "*.yaml")))
    for d in found:
        assert d["apiVersion"] and d["kind"] and d["metadata"]["name"], d
    for d in found:
        if d["kind"] == "ConfigMap":
            name = d["metadata"]["name"]
            done = t.run("-t", "-c", "x.conf", conf=d["data"]["srs.conf"], name=name)
            assert done.returncode == 0, done.text
    for d in (named(found, "StatefulSet", "srs-origin"), named(found, "Deployment", "srs-edge")):
        pod = d["spec"]["template"]
        labels = pod["metadata"]["labels"]
        assert d["spec"]["selector"]["matchLabels"].items() <= labels.items()
        container = pod["spec"]["containers"][0]
        ports = {p["name"] for p in container["ports"]}
        probes = {container[p]["httpGet"]["port"] for p in ("startupProbe", "readinessProbe", "livenessProbe")}
        assert probes <= ports, (probes, ports)
        for service in (s for s in found if s["kind"] == "Service" and s["spec"]["selector"].items() <= labels.items()):
            assert {p["targetPort"] for p in service["spec"]["ports"]} <= ports, service
        maps = {v["configMap"]["name"] for v in pod["spec"]["volumes"] if "configMap" in v}
        assert all(named(found, "ConfigMap", name) for name in maps)
    origins = named(found, "ConfigMap", "srs-origin")["data"]["srs.conf"]
    edges = named(found, "ConfigMap", "srs-edge")["data"]["srs.conf"]
    assert "_api._tcp.srs-origin-peers;" in origins and named(found, "Service", "srs-origin-peers")
    assert "_rtmp._tcp.srs-origin;" in edges and named(found, "Service", "srs-origin")


RENDER = os.path.join(top.HERE, "..", "support", "render_chart.go")


class Chart:
    """The chart, rendered by Go's templates."""

    def __init__(self, t):
        t.need("go")
        self.t, self.folder, self.program = t, os.path.join(PACKAGING, "helm"), t.path("render_chart")
        env = dict(os.environ, GO111MODULE="off", GOCACHE=os.path.join(top.HERE, "..", "..", "objs", "go-cache"))
        subprocess.run(["go", "build", "-o", self.program, RENDER], check=True, timeout=50, env=env)
        self.values, self.about = documents(*(os.path.join(self.folder, n) for n in ("values.yaml", "Chart.yaml")))

    def render(self, **autoscaling):
        """The documents, and what the program says."""
        values = json.loads(json.dumps(self.values))
        values["edge"]["autoscaling"].update(autoscaling)
        values["clusterSecret"] = "secret-of-all"
        values["edge"]["extraPorts"] = [{"name": "srt", "port": 10080, "protocol": "UDP"}]
        about = {key[0].upper() + key[1:]: value for key, value in self.about.items()}
        given = {"Values": values, "Release": {"Name": "live", "Service": "Helm"}, "Chart": about}
        done = subprocess.run([self.program, self.folder], input=json.dumps(given), capture_output=True, text=True, timeout=20)
        with open(self.t.path("chart.yaml"), "w") as f:
            f.write(done.stdout)
        return documents(self.t.path("chart.yaml")) if done.returncode == 0 else [], done.stderr


def test_chart_scales_edges_by_processors_or_viewers(t):
    """The chart is rendered: its configurations are fine, edges are scaled by the processor, by viewers or both as its values say, and
    the adapter makes that measure of a figure that the exporter has."""
    chart = Chart(t)
    for d in (d for d in chart.render()[0] if d["kind"] == "ConfigMap"):
        text = d["data"]["srs.conf"].replace("/etc/srs-secret/secret", os.devnull)
        done = t.run("-t", "-c", "x.conf", conf=text, name=d["metadata"]["name"])
        assert done.returncode == 0, done.text

    def measures(**autoscaling):
        scaler = named(chart.render(**autoscaling)[0], "HorizontalPodAutoscaler", "live-edge")["spec"]
        return {m["type"]: m[m["type"].lower()] for m in scaler["metrics"]}
    by_cpu, both = measures(), measures(viewers=6000)
    assert set(by_cpu) == {"Resource"} and by_cpu["Resource"]["target"]["averageUtilization"] == 60, by_cpu
    assert both["Resource"] == by_cpu["Resource"], both
    assert both["Pods"]["target"] == {"type": "AverageValue", "averageValue": "6000"}, both
    assert set(measures(cpu=0, viewers=6000)) == {"Pods"}
    assert "cpu or viewers" in chart.render(cpu=0)[1]
    assert "HorizontalPodAutoscaler" not in {d["kind"] for d in chart.render(enabled=False)[0]}
    rule = documents(os.path.join(PACKAGING, "prometheus-adapter.yaml"))[0]["rules"]["custom"][0]
    assert rule["name"]["as"] == both["Pods"]["metric"]["name"]
    name, label = re.match(r'(\w+)\{(role="player"),', rule["seriesQuery"]).groups()
    assert label in rule["metricsQuery"] and set(rule["resources"]["overrides"]) == {"namespace", "pod"}
    port = free_port()
    s = t.server("edge", top.local(top=f"exporter {{ enabled on; listen 127.0.0.1:{port}; }}\n"))
    t.publish(s.url("live/x"))
    t.probe(s.url("live/x")).wait_frames(5)
    text = httpc.fetch(f"http://127.0.0.1:{port}/metrics").content.decode()
    assert f"\n{name}{{{label}}} 1\n" in text, text


def test_container_files_name_what_exists(t):
    """The Dockerfile copies files that are there, its configuration is fine, and compose refers to its own services."""
    with open(os.path.join(PACKAGING, "docker", "Dockerfile")) as f:
        text = f.read()
    top_folder = os.path.abspath(os.path.join(PACKAGING, "..", ".."))
    for word in text.split():
        if word.startswith("scripts/packaging/"):
            assert os.path.exists(os.path.join(top_folder, word)), word
    assert "USER 10001" in text and "STOPSIGNAL SIGQUIT" in text
    done = subprocess.run([BIN, "-t", "-c", os.path.join(PACKAGING, "docker", "srs.conf")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    compose = documents(os.path.join(PACKAGING, "docker", "compose.yaml"))[0]
    names = set(compose["services"])
    for service in compose["services"].values():
        env = service["environment"]
        asked = env.get("SRS_VHOST_CLUSTER_COWORKERS", "") + " " + env.get("SRS_VHOST_CLUSTER_ORIGIN", "")
        assert {a.split(":")[0] for a in asked.split()} <= names, service
        done = t.run("-t", "-e", env=dict(env, SRS_LISTEN="1935"), name=env["SRS_SERVER_ID"])
        assert done.returncode == 0, done.text
