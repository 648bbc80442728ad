"""Double of the PyTorch extension's module: says what the test set, remembers what it was asked to install."""

from __future__ import annotations

from typing import Any

__all__ = ["PyTorchUtilsLogic", "requests_made", "set_installed"]

requests_made: list[dict[str, Any]] = []
"""Arguments of every installTorch call."""

_installed: list[bool | None] = [None]


def set_installed(installed: bool | None) -> None:
    """Choose whether torch looks installed; None: as it really is."""
    _installed[0] = installed


class PyTorchUtilsLogic:
    """The part of the extension's logic that other modules call."""

    def torchInstalled(self) -> bool:
        """Tell whether torch can be imported."""
        if _installed[0] is not None:
            return _installed[0]
        import importlib.util

        return importlib.util.find_spec("torch") is not None

    def installTorch(
        self,
        askConfirmation: bool = False,
        forceComputationBackend: str | None = None,
        torchVersionRequirement: str | None = None,
        torchvisionVersionRequirement: str | None = None,
    ) -> Any:
        """Ask when wanted, write the request down, and return the module, or None when the user declined."""
        import slicer

        request = {
            "forceComputationBackend": forceComputationBackend,
            "torchVersionRequirement": torchVersionRequirement,
            "torchvisionVersionRequirement": torchvisionVersionRequirement,
        }
        if askConfirmation and not slicer.util.confirmOkCancelDisplay("PyTorch will be downloaded and installed."):
            return None
        requests_made.append(request)
        _installed[0] = True
        return self.importTorch()

    def importTorch(self) -> Any:
        """Return the module."""
        import torch

        return torch

    @property
    def torch(self) -> Any:
        """The module, installed when it was absent."""
        return self.importTorch() if self.torchInstalled() else self.installTorch()

    @property
    def cuda(self) -> bool:
        """Whether a CUDA device can be used."""
        return bool(self.torch.cuda.is_available())

    def getDevice(self) -> Any:
        """Return the best device."""
        return self.torch.device("cuda" if self.cuda else "cpu")

    def uninstallTorch(self, askConfirmation: bool = False) -> None:
        """Make torch look absent."""
        _installed[0] = False

    @staticmethod
    def getCompatibleComputationBackends() -> list[str]:
        """Return the back ends that could be installed."""
        return ["cpu"]

    @property
    def torchVersionInformation(self) -> str:
        """Version in words."""
        return f"PyTorch {self.torch.__version__}"
