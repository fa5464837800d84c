"""Where secrets come from."""

from __future__ import annotations

import pytest

from fairlead.errors import ConfigurationError, NotFound
from fairlead.stores.secrets import DotenvSecrets, EnvSecrets, FolderSecrets, KeyringSecrets
from fairlead.testing.contracts.secrets import SecretsContract


def test_variables_may_have_a_prefix(monkeypatch):
    monkeypatch.setenv("TEAM_KEY", "k")
    assert EnvSecrets("TEAM_").get("KEY") == "k"
    with pytest.raises(NotFound, match="the variable KEY is not set where the task runs"):
        EnvSecrets().get("KEY")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=plain", "plain"),
        ("KEY = spaced out ", "spaced out"),
        ("export KEY=x", "x"),
        ("KEY=x # a comment", "x"),
        ("KEY=x#y", "x#y"),
        ("KEY='single # $x \\n'", "single # $x \\n"),
        ('KEY="a\\nb \\"c\\""', 'a\nb "c"'),
        ('KEY="two\nlines"', "two\nlines"),
        ("KEY=", ""),
        ("# KEY=no\nKEY=yes", "yes"),
        ("OTHER=1\nKEY=a=b\n", "a=b"),
    ],
)
def test_lines_of_a_dotenv_file(tmp_path, line, value):
    (tmp_path / ".env").write_text(line)
    assert DotenvSecrets(tmp_path / ".env").get("KEY") == value


def test_a_dotenv_file_that_has_not_got_it_says_so(tmp_path):
    with pytest.raises(NotFound, match="there is no file"):
        DotenvSecrets(tmp_path / ".env").get("KEY")
    (tmp_path / ".env").write_text("A=1")
    with pytest.raises(NotFound, match="no secret 'KEY' in"):
        DotenvSecrets(tmp_path / ".env").get("KEY")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        DotenvSecrets(tmp_path / "binary").get("KEY")


@pytest.mark.parametrize(
    ("text", "value"), [("x", "x"), ("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), (" x ", " x ")]
)
def test_files_of_a_folder_without_their_line_end(tmp_path, text, value):
    (tmp_path / "KEY").write_bytes(text.encode())
    assert FolderSecrets(tmp_path).get("KEY") == value


@pytest.mark.parametrize("name", ["../KEY", ".hidden", "nothing", "folder"])
def test_a_folder_gives_nothing_from_elsewhere(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "folder").mkdir()
    (tmp_path / "KEY").write_text("outside")
    with pytest.raises(NotFound):
        FolderSecrets(tmp_path / "in").get(name)


# --- the contract -------------------------------------------------------------------------------------------


class TestEnv(SecretsContract):
    @pytest.fixture
    def make_secrets(self, monkeypatch):
        def make(values):
            for name, value in values.items():
                monkeypatch.setenv(f"CONTRACT_{name}", value)
            return EnvSecrets("CONTRACT_")

        return make


class TestDotenv(SecretsContract):
    @pytest.fixture
    def make_secrets(self, tmp_path):
        def make(values):
            quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
            (tmp_path / ".env").write_text("".join(f'{name}="{value}"\n' for name, value in quoted.items()))
            return DotenvSecrets(tmp_path / ".env")

        return make


class TestFolder(SecretsContract):
    @pytest.fixture
    def make_secrets(self, tmp_path):
        def make(values):
            for name, value in values.items():
                (tmp_path / name).write_text(value)
            return FolderSecrets(tmp_path)

        return make


class TestKeyring(SecretsContract):
    @pytest.fixture
    def make_secrets(self):
        keyring = pytest.importorskip("keyring")
        before = keyring.get_keyring()
        keyring.set_keyring(_kept_in_memory(keyring.backend.KeyringBackend))

        def make(values):
            for name, value in values.items():
                keyring.set_password("contract", name, value)
            return KeyringSecrets("contract")

        yield make
        keyring.set_keyring(before)


def _kept_in_memory(backend):
    """A keyring as those of operating systems, without asking anybody for a password."""

    class Kept(backend):
        priority = 1

        def __init__(self):
            super().__init__()
            self.kept = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

        def delete_password(self, service, username):
            del self.kept[service, username]

    return Kept()
