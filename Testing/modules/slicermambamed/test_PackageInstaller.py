"""SlicerMambaMedLib.PackageInstaller."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

REQUIREMENTS = "# a comment\n# 4.5 MB\nnumba>=0.60\n\n# 0.5 MB\nsafetensors>=0.4\neinops\n"


class Pip:
    """Records what pip would have been asked."""

    def __init__(self, monkeypatch, present=("safetensors",)):
        import slicer.packaging

        self.calls = []
        self.present = set(present)
        monkeypatch.setattr(slicer.packaging, "pip_check", self.check)
        monkeypatch.setattr(slicer.packaging, "pip_install", self.install)

    def check(self, requirement):
        return requirement.partition(">")[0] in self.present

    def install(self, arguments, **keywords):
        self.calls.append(list(arguments))
        self.present.update(word.partition(">")[0] for word in arguments if not word.startswith(("-", "/")))


class Torch:
    """The PyTorch extension."""

    def __init__(self, pip, result="torch"):
        self.pip = pip
        self.result = result
        self.calls = []
        self.PyTorchUtilsLogic = lambda: self

    def installTorch(self, **keywords):
        self.calls.append(keywords)
        if self.result:
            self.pip.present.add("torch")
        return self.result


@pytest.fixture
def setting(slicer_host, tmp_path, monkeypatch):
    from SlicerMambaMedLib.PackageInstaller import PackageInstaller

    path = tmp_path / "requirements.txt"
    path.write_text(REQUIREMENTS)
    pip = Pip(monkeypatch)
    torch = Torch(pip)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", torch)
    settings = SimpleNamespace(wheelFolder="")
    asked = []

    def confirm(text, details, title):
        asked.append((text, details))
        return True

    return SimpleNamespace(
        installer=PackageInstaller(settings, confirm, path), pip=pip, torch=torch, settings=settings, asked=asked
    )


def test_lists_what_is_missing_with_torch_first(setting):
    missing = setting.installer.missing()
    assert [package.name for package in missing] == ["torch", "numba", "einops"]
    assert [package.sizeMb for package in missing] == [0.0, 4.5, 0.0]


def test_asks_once_with_the_sizes_and_installs_without_dependencies(setting):
    assert setting.installer.install() is True
    assert len(setting.asked) == 1
    text, details = setting.asked[0]
    assert "3 Python package(s)" in text
    assert "PyTorch: 200 MB to 3000 MB" in text
    assert "other packages: 4 MB" in text
    assert "numba>=0.60  (4.5 MB)" in details
    assert setting.pip.calls == [["--no-deps", "numba>=0.60", "einops"]]
    assert setting.torch.calls[0]["askConfirmation"] is False
    assert setting.installer.missing() == []


def test_nothing_is_asked_when_nothing_is_missing(setting):
    setting.pip.present.update({"torch", "numba", "einops"})
    assert setting.installer.install() is True
    assert setting.asked == []
    assert setting.pip.calls == []


def test_a_user_who_declines_gets_nothing_installed(setting):
    setting.installer.confirm = lambda text, details, title: False
    assert setting.installer.install() is False
    assert setting.pip.calls == []
    assert setting.torch.calls == []


def test_slicers_testing_mode_never_changes_the_python_environment(setting, slicer_host):
    slicer_host.app._h_set("_h_testing", True)
    assert setting.installer.install() is False
    assert setting.asked == []
    assert setting.pip.calls == []


def test_a_wheel_folder_is_installed_from_without_a_network(setting, tmp_path):
    setting.settings.wheelFolder = str(tmp_path)
    assert setting.installer.install() is True
    assert str(tmp_path) in setting.asked[0][0]
    assert setting.pip.calls == [
        ["--no-index", "--find-links", str(tmp_path), "torch>=2.4"],
        ["--no-index", "--find-links", str(tmp_path), "--no-deps", "numba>=0.60", "einops"],
    ]
    assert setting.torch.calls == []


def test_a_wheel_folder_that_is_gone_is_named(setting, tmp_path):
    setting.settings.wheelFolder = str(tmp_path / "gone")
    with pytest.raises(RuntimeError, match="gone does not exist"):
        setting.installer.install()


def test_without_the_pytorch_extension_it_says_how_to_get_it(setting, monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(RuntimeError, match="Extensions Manager"):
        setting.installer.install()


def test_a_failing_installation_is_one_sentence_with_the_cause(setting, monkeypatch):
    import slicer.packaging

    def fail(arguments, **keywords):
        raise RuntimeError("no route to host")

    monkeypatch.setattr(slicer.packaging, "pip_install", fail)
    with pytest.raises(RuntimeError, match=r"failed \(no route to host\).*wheel folder"):
        setting.installer.install()


def test_slicer_5_10_has_no_packaging_module(setting, monkeypatch):
    import slicer

    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    calls = []
    monkeypatch.setattr(slicer.util, "pip_install", calls.append)
    assert "torch" not in [package.name for package in setting.installer.missing()]  # this Python has a torch
    setting.installer._pip(["--no-deps", "numba>=0.60"])
    assert calls == [["--no-deps", "numba>=0.60"]]
