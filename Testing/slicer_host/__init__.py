"""A stand-in for the 3D Slicer application, for tests only.

**This is not Slicer.** It lets the real panel, logic and ``.ui`` files of a scripted module run where the application
can not be installed:

- real: MRML, its logics, storage nodes, ``slicer.util`` and the rendering pipeline (package ``slicer-core``); Qt itself
  (PySide6, offscreen);
- imitated by the rules that were observed on the real binding: ``qt`` (PythonQt's properties, signals, conversions);
- generated from the API facts of Slicer and CTK (``gui_api.json``): ``ctk``, ``qMRML*`` and ``qSlicer*`` classes. What
  the real class lacks raises; what it has and nobody imitated here raises ``NotModelledError``;
- written from the documented behaviour: ``slicer.app``, ``ScriptedLoadableModule``, ``parameterNodeWrapper``, ``i18n``,
  ``packaging``, module loading, ``SampleData``, ``PyTorchUtils``.

What it can not show: that the extension builds, installs and is discovered; the look, style and sizes of Slicer's own
widgets; behaviour of widgets beyond what is imitated here; Qt 5; keyboard and mouse handling of views; translations;
downloads and package installation; the exit code of the real application. The same tests are meant to be run in Slicer
too, before a release.
"""
