"""The Python packages that the engine needs in Slicer's own Python: which are missing, and their installation."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from SlicerMambaMedLib.RequiredPackage import RequiredPackage
from SlicerMambaMedLib.RequiredPackage import readRequirements

__all__ = ["PackageInstaller"]

TORCH_REQUIREMENT = ">=2.4"
TORCH_SIZE_MB = (200, 3000)


class PackageInstaller:
    """Installs what is missing after one question, and never replaces a package that Slicer brings itself.

    The requirements file lists every package with its own dependencies written out, and each is installed without
    following dependencies (``--no-deps``): some of them ask for other versions of numpy, SimpleITK or torch than
    Slicer's. PyTorch comes through the PyTorch extension, which picks the build for the graphics card.

    With a wheel folder in the settings everything, PyTorch included, is installed from the files in there, offline.

    Args:
        settings: ``UserSettings`` (wheel folder).
        confirm: asks the user; given the text, the details and the window title, returns whether to go on.
        requirementsFile: the list; the one of this extension if not given.
    """

    def __init__(
        self,
        settings: Any,
        confirm: Callable[[str, str, str], bool] | None = None,
        requirementsFile: Path | None = None,
    ) -> None:
        self._settings = settings
        self.confirm = confirm or self._askUser
        self._file = requirementsFile or Path(__file__).parent.parent / "Resources" / "MambaMedRequirements.txt"

    def missing(self) -> list[RequiredPackage]:
        """Return what has to be installed, PyTorch first; quick, no process is started."""
        found = [] if self._isSatisfied("torch", f"torch{TORCH_REQUIREMENT}") else [self._torch()]
        return found + [
            package
            for package in readRequirements(self._file)
            if not self._isSatisfied(package.name, package.requirement)
        ]

    def describe(self, packages: list[RequiredPackage]) -> tuple[str, str]:
        """Return the question for the user and the list of packages with their sizes."""
        others = sum(package.sizeMb for package in packages if package.name != "torch")
        sizes = []
        if any(package.name == "torch" for package in packages):
            sizes.append(
                _("PyTorch: {low} MB to {high} MB, depending on the graphics card").format(
                    low=TORCH_SIZE_MB[0], high=TORCH_SIZE_MB[1]
                )
            )
        if others:
            sizes.append(_("other packages: {size} MB").format(size=round(others)))
        source = self._settings.wheelFolder
        place = _("from the folder {folder}").format(folder=source) if source else _("from the internet (PyPI)")
        text = _(
            "MambaMed needs {count} Python package(s) that Slicer does not bring along. They will be installed into "
            "Slicer's Python {place}.\n\n{sizes}\n\nPackages that Slicer brings itself are not changed. "
            "Install them now?"
        ).format(count=len(packages), place=place, sizes="\n".join(sizes))
        details = "\n".join(
            package.requirement + (f"  ({package.sizeMb:g} MB)" if package.sizeMb else "") for package in packages
        )
        return text, details

    def install(self) -> bool:
        """Ask once and install what is missing.

        Returns:
            Whether everything is there now; False when the user declined, and in Slicer's testing mode.

        Raises:
            RuntimeError: the installation failed; the message says why and what to do.
        """
        packages = self.missing()
        if not packages:
            return True
        if slicer.app.testingEnabled():
            # Slicer's own rule: a test never changes the Python environment, and dialogs answer themselves with yes.
            return False
        text, details = self.describe(packages)
        if not self.confirm(text, details, _("Install packages for MambaMed")):
            return False
        others = [package.requirement for package in packages if package.name != "torch"]
        needsTorch = len(others) < len(packages)
        if self._settings.wheelFolder:
            self._installFromFolder(Path(self._settings.wheelFolder), others, needsTorch)
        else:
            if needsTorch:
                self._installTorch()
            if others:
                self._pip(["--no-deps", *others])
        importlib.invalidate_caches()
        left = self.missing()
        if left:
            names = ", ".join(package.name for package in left)
            raise RuntimeError(
                _("These packages are still missing after the installation: {names}.").format(names=names)
            )
        return True

    def _installTorch(self) -> None:
        try:
            import PyTorchUtils
        except ModuleNotFoundError as error:
            raise RuntimeError(
                _(
                    "PyTorch is installed through the extension PyTorch, which is missing. Install it in the "
                    "Extensions Manager and restart Slicer, or choose another Python in the engine's settings."
                )
            ) from error
        torch = PyTorchUtils.PyTorchUtilsLogic().installTorch(
            askConfirmation=False, torchVersionRequirement=TORCH_REQUIREMENT
        )
        if torch is None:
            raise RuntimeError(_("PyTorch could not be installed. The log of Slicer (Help menu) has the reason."))

    def _installFromFolder(self, folder: Path, others: list[str], needsTorch: bool) -> None:
        if not folder.is_dir():
            raise RuntimeError(_("The wheel folder {folder} does not exist.").format(folder=folder))
        offline = ["--no-index", "--find-links", str(folder)]
        if needsTorch:
            # With its dependencies: of these, Slicer brings none in a version that torch would replace.
            self._pip([*offline, f"torch{TORCH_REQUIREMENT}"])
        if others:
            self._pip([*offline, "--no-deps", *others])

    @staticmethod
    def _pip(arguments: list[str]) -> None:
        """Run pip in Slicer's Python with the application staying alive (Slicer 5.12 and newer; 5.10 waits)."""
        try:
            try:
                from slicer.packaging import pip_install
            except ImportError:
                slicer.util.pip_install(arguments)
            else:
                pip_install(arguments, requester="MambaMed")
        except Exception as error:
            raise RuntimeError(
                _(
                    "Installing the packages failed ({reason}). Check the internet connection or the wheel folder; "
                    "Slicer's Python console shows what pip said."
                ).format(reason=error)
            ) from error

    @staticmethod
    def _isSatisfied(name: str, requirement: str) -> bool:
        try:
            from slicer.packaging import pip_check
        except ImportError:
            from packaging.requirements import Requirement

            try:
                return Requirement(requirement).specifier.contains(importlib.metadata.version(name), prereleases=True)
            except importlib.metadata.PackageNotFoundError:
                return False
        return bool(pip_check(requirement))

    @staticmethod
    def _torch() -> RequiredPackage:
        return RequiredPackage(name="torch", requirement=f"torch{TORCH_REQUIREMENT}", sizeMb=0.0)

    @staticmethod
    def _askUser(text: str, details: str, title: str) -> bool:
        return bool(slicer.util.confirmOkCancelDisplay(text, title, detailedText=details))
