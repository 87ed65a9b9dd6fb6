"""The stack's files fit one another and this repository: nothing here starts a container."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assertions.contract import METRICS_PATH
from rules.records import read_rules

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def yaml(name: str) -> Any:
    """A YAML file of the stack."""
    return msgspec.yaml.decode((DEPLOY / name).read_bytes())


SERVICES = yaml("compose.yaml")["services"]
MOUNTS = [volume.split(":") for service in SERVICES.values() for volume in service["volumes"] if volume.startswith(".")]


@pytest.mark.parametrize("path", sorted(str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*.y*ml")))
def test_each_yaml_file_is_a_mapping(path: str) -> None:
    """Every YAML file can be read and is no list or scalar."""
    assert isinstance(yaml(path), dict)


def test_the_stack_has_its_four_services() -> None:
    """Service, Prometheus, Alertmanager and Grafana; images carry an exact version."""
    assert list(SERVICES) == ["service", "prometheus", "alertmanager", "grafana"]
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    assert [image for image in images if not re.fullmatch(r"[a-z./]+:v?\d+\.\d+\.\d+", image)] == []


@pytest.mark.parametrize("mount", MOUNTS, ids=lambda mount: mount[0])
def test_each_mounted_path_exists_and_is_read_only(mount: list[str]) -> None:
    """What is mounted from the repository is there, and the container can't write to it."""
    source, _, mode = mount
    assert (DEPLOY / source).exists()
    assert mode == "ro"


def test_ports_are_published_on_the_loopback_address_only() -> None:
    """Nobody else on the network reaches the stack; each port is published as itself, once."""
    published = [port for service in SERVICES.values() for port in service["ports"]]
    assert published == ["127.0.0.1:4001:4001", "127.0.0.1:9090:9090", "127.0.0.1:9093:9093", "127.0.0.1:3000:3000"]


def test_the_image_runs_the_service_where_the_stack_expects_it() -> None:
    """Port and folder of the start command are those that compose publishes and mounts."""
    command = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert command[:3] == ["python3", "-m", "service"]
    assert options == {"--host": "0.0.0.0", "--port": "4001", "--exports": "/data/exports"}
    assert "exports:/data" in SERVICES["service"]["volumes"]
    assert "EXPOSE 4001" in DOCKERFILE


def test_the_image_is_not_run_as_root() -> None:
    """The last USER is a number other than 0, so that an orchestrator can see it; there is a health check."""
    users = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert users == [("10001", "10001")]
    assert "HEALTHCHECK" in DOCKERFILE
    assert "127.0.0.1:4001/health" in DOCKERFILE


def test_the_base_is_a_build_argument_with_an_exact_version() -> None:
    """The base image is pinned, and can be replaced without an edit."""
    assert re.search(r"^ARG BASE=\S+:\d+\.\d+\.\d+-\S+\nFROM \$\{BASE\}$", DOCKERFILE, re.MULTILINE)


def test_each_copied_path_exists_and_reaches_the_build() -> None:
    """COPY names files of the repository, and the ignore file lets them through."""
    copied = [path for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]]
    allowed = {
        line.removeprefix("!")
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert set(copied) == allowed


def test_prometheus_scrapes_the_service_by_the_name_that_the_rules_ask_for() -> None:
    """Job name, path and port of the scrape config; the rule file is where compose mounts it."""
    config = yaml("prometheus.yml")
    (job,) = config["scrape_configs"]
    down = next(rule for rule in read_rules(ROOT / "rules" / "export.yml").alerts if rule.alert == "ExportTargetDown")
    assert f'job="{job["job_name"]}"' in down.expr
    assert (job["metrics_path"], job["static_configs"]) == (METRICS_PATH, [{"targets": ["service:4001"]}])
    assert config["rule_files"] == [target for _, target, _ in MOUNTS if target.endswith("/export.yml")]
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]


def test_alertmanager_sends_every_alert_to_a_receiver_that_exists() -> None:
    """Routes and inhibitions name receivers and alerts that there are."""
    config = yaml("alertmanager.yml")
    receivers = {receiver["name"] for receiver in config["receivers"]}
    routes = [config["route"], *config["route"]["routes"]]
    assert {route["receiver"] for route in routes} == receivers
    named = set(re.findall(r'alertname="(\w+)"', json.dumps(config).replace('\\"', '"')))
    assert named <= {rule.alert for rule in read_rules(ROOT / "rules" / "export.yml").alerts}


def test_grafana_finds_the_dashboard_and_its_source() -> None:
    """The provider's folder is where compose mounts the dashboard; the default data source is that Prometheus."""
    (provider,) = yaml("grafana/provisioning/dashboards/export.yaml")["providers"]
    mounted = next(target for _, target, _ in MOUNTS if target.endswith("grafana-export-dashboard.json"))
    assert str(Path(mounted).parent) == provider["options"]["path"]
    (source,) = yaml("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
