"""Everything that is wrong with an environment: at once, with its place, and with what would be right."""

from __future__ import annotations

import sys

import pytest

from fairlead.config import registry
from fairlead.config.environment import Environment, load
from fairlead.errors import ConfigurationError, DefinitionError
from fairlead.ports import Plugin


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRLEAD_ENV", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SET", "yes")
    monkeypatch.delenv("UNSET", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exector: local", "dev.yaml:1:1: unknown key 'exector' (nearest: 'executor')"),
        ("zzz: 1", "unknown key 'zzz'; known: artifacts, code, codecs, components, durability"),
        ("executor: {type: local, max_worker: 2}", "1:25: executor: unknown key 'max_worker' (nearest: 'max_workers')"),
        ("executor: sparc", "dev.yaml:1:1: executor.type: 'sparc' is no executor; known: "),
        ("executor: locl", "executor.type: 'locl' is no executor (nearest: 'local')"),
        ("executor: 3", "executor: must be a name or a mapping, and is 3"),
        ("executor: {max_workers: 2}", "executor: says no 'type'; executors are "),
        ("executor: {type: local, max_workers: 0}", "executor.max_workers: 0: expected int >= 1"),
        ("executor: {type: local, max_workers: [1]}", "executor.max_workers: [1]: expected int | null, got array"),
        ("executor: {type: in_process, max_workers: 1}", "executor: unknown key 'max_workers'; known: type"),
        ("executor: {type: container, mounts: ['a:b:c:d']}", "dev.yaml:1:1: executor: 'a:b:c:d' is not 'FOLDER'"),
        (
            "executor: {type: ray, placement: {a: {resources: 1}}}",
            "dev.yaml:1:23: executor.placement: {'a': {'resources'",
        ),
        ("store: {type: object, url: 'ftp://x'}", "dev.yaml:1:1: store: url: 'ftp://x' is none of s3://"),
        ("executors: [local]", "executors: must be a mapping of names to executors"),
        ("executors: {gpu: {type: lokal}}", "1:19: executors.gpu.type: 'lokal' is no executor (nearest: 'local')"),
        ("store: oracle", "store.type: 'oracle' is no store; known: memory, "),
        ("observers: [nobody]", "1:13: observers[0].type: 'nobody' is no observer"),
        ("durability: maybe", "durability: 'maybe' is neither 'grouped' nor 'each'"),
        ("parameters: [1]", "parameters: must be a mapping of names to values"),
        ("components: x", "components: must be a mapping of names to values"),
        ("artifacts: {path: x}", "artifacts: says no 'url' (it says 'path')"),
        ("artifacts: {url: x, pth: y}", "artifacts: unknown key 'pth'; known: url"),
        ("artifacts: {url: 3}", "artifacts.url: must be a folder or another URL, and is 3"),
        ("artifacts: 3", "artifacts: must be a URL or a mapping, and is 3"),
        (
            "artifacts: ftp://x",
            "artifacts.url: 'ftp://x' is neither a folder nor one of az://, file://, gs://, memory://, s3://",
        ),
        ("parameters: {a: '${UNSET}'}", "1:14: parameters.a: ${UNSET} is not set in the process environment"),
        ("parameters: {a: ['x${UNSET}y']}", "parameters.a[0]: ${UNSET} is not set"),
        ("parameters: {a: '${no-name}'}", "neither ${NAME} nor ${NAME:-default}"),
        ("tasks: 3", "tasks: must be a mapping of patterns to patches"),
        ("tasks: [3]", "tasks[0]: must be a mapping of patterns to patches"),
        ("tasks: {a: 3}", "1:9: tasks.a: must be a mapping of options to values"),
        ("tasks: {a: {gpu: 1}}", "1:13: tasks.a: unknown key 'gpu'; write resources: {gpu: …}"),
        ("tasks: {a: {retry: 3}}", "1:13: tasks.a: unknown key 'retry' (nearest: 'retries')"),
        ("tasks: {a: {retries: -1}}", "tasks.a.retries: must be a whole number, zero or more; got -1"),
        ("tasks: {a: {timeout: x}}", "tasks.a.timeout: must be a number of seconds above zero, or None; got 'x'"),
        ("tasks: {a: {env_vars: {A: 1}}}", "tasks.a.env_vars: must be a dict of text to text"),
        ("tasks: {a: {resources: 3}}", "tasks.a.resources: must be a mapping of cpu, memory and gpu"),
        ("tasks: {a: {resources: {cpus: 3}}}", "tasks.a.resources: unknown key 'cpus' (nearest: 'cpu')"),
        ("tasks: {a: {resources: {cpu: x}}}", "tasks.a.resources.cpu: must be a number: cpu; got 'x'"),
        ("tasks: {a: {resources: {memory: much}}}", "tasks.a.resources.memory: memory such as '4Gi'"),
        ("tasks: {a: {mock: 3}}", "tasks.a.mock: must be 'module:function', {value: …} or 'stub', and is 3"),
        ("tasks: {a: {executor: gpu}}", "tasks.a.executor: 'gpu' is none of this environment's 'executors'"),
        ("tasks: {'a[3]': {retries: 1}}", "a patch is about all items of a map; leave the number out"),
        ("extends: nowhere", "dev.yaml:1:1: extends: no environment 'nowhere'"),
        ("extends: 3", "extends: must be a name or a file, or a list of them, and is 3"),
        ("extends: dev.yaml", "extends: a circle: dev.yaml -> dev.yaml"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_the_nearest_right_name(here, text, said):
    (here / "dev.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    # Packages that a plugin needs are not on every machine; what its settings are does not hang on that.
    problems = [one for one in caught.value.problems if "is not installed" not in one]
    assert said in "\n".join(problems)
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("store: {type: postgres, url: 'postgresql://me:hunter2@h/d'}", "dev.yaml:1:25: store.url"),
        ("store: {type: postgres, url: 'host=h password=hunter2'}", "store.url"),
        ("store: {type: postgres, url: 'postgresql://h/d?password=hunter2'}", "store.url"),
        ("store: {type: postgres, url: 'service=x', password: hunter2}", "store.password"),
    ],
)
def test_a_password_in_the_text_of_a_store_is_refused_and_not_repeated(here, text, place):
    (here / "dev.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    said = f"{place}: holds a password as text, which every run would record; write ${{NAME}} in its place"
    assert said in "\n".join(caught.value.problems)
    assert "hunter2" not in str(caught.value)


def test_a_store_whose_extra_is_missing_names_the_command(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    (here / "dev.yaml").write_text("store: {type: postgres, url: 'postgresql://h/d', pool_size: 0}")
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "store.type: the store 'postgres' needs psycopg, which is not installed: pip install 'fairlead[postgres]'",
        "store.pool_size: 0: expected int >= 1",
    ]


def test_everything_wrong_is_said_at_once_in_the_order_of_the_file(here):
    (here / "dev.yaml").write_text(
        "exector: local\nstore: oracle\ntasks:\n  train: {retrys: 1}\nexecutor: {type: local, max_workers: 0}\n"
        "parameters: {a: '${UNSET}'}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        "dev.yaml:1:1",
        "dev.yaml:2:1",
        "dev.yaml:4:11",
        "dev.yaml:5:25",
        "dev.yaml:6:14",
    ]
    assert str(caught.value).startswith("dev.yaml: 5 problems\n  dev.yaml:1:1: ")


def test_an_empty_file_and_empty_keys_mean_the_defaults(here):
    (here / "dev.yaml").write_text("")
    assert load("dev").executor == {"type": "local"}
    (here / "dev.yaml").write_text("executor:\ntasks:\nobservers:\n")
    assert load("dev").executor == {"type": "local"}


def test_nothing_of_the_users_is_imported(here):
    (here / "dev.yaml").write_text("components: {a: {class: 'no_such_module:A'}}\ntasks: {b: {mock: 'nowhere:f'}}\n")
    environment = load("dev")
    assert environment.components == {"a": {"class": "no_such_module:A"}}
    assert environment.tasks == [{"b": {"mock": "nowhere:f"}}]


# --- ${…} -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${SET}", "yes"),
        ("a ${SET} b ${SET}", "a yes b yes"),
        ("${UNSET:-default}", "default"),
        ("${UNSET:-}", ""),
        ("${SET:-default}", "yes"),
        ("$${SET}", "${SET}"),
        ("$SET", "$SET"),
        ("{SET}", "{SET}"),
    ],
)
def test_variables_come_from_the_process_environment(text, value):
    assert Environment(parameters={"it": {"deep": [text]}}).parameters == {"it": {"deep": [value]}}


def test_what_a_variable_brings_takes_the_type_that_is_wanted(monkeypatch):
    monkeypatch.setenv("N", "3")
    environment = Environment(
        executor={"type": "local", "max_workers": "${N}"},
        tasks={"a": {"retries": "${N}", "timeout": "${N}.5", "resources": {"cpu": "${N}"}}},
    )
    assert environment.executor["max_workers"] == 3
    assert environment.tasks == [{"a": {"retries": 3, "timeout": 3.5, "resources": {"cpu": 3}}}]


def test_a_configuration_error_is_a_definition_error():
    with pytest.raises(DefinitionError):
        Environment(executor="nothing like it")


# --- plugins that are not installed ---------------------------------------------------------------------------


def test_what_is_not_installed_is_told_with_the_command_that_installs_it(monkeypatch):
    needy = Plugin(open=print, needs=("no_such_module",), install="fairlead[needy]")
    monkeypatch.setitem(registry.BUILT_IN["secrets"], "needy", f"{__name__}:needy")
    monkeypatch.setitem(globals(), "needy", needy)
    with pytest.raises(ConfigurationError) as caught:
        Environment(secrets="needy")
    (said,) = caught.value.problems
    assert said.endswith("'needy' needs no_such_module, which is not installed: pip install 'fairlead[needy]'")
