"""Host side shared by all MambaMed modules: jobs in Slicer, nodes to files and back, packages, common widgets.

Layers: engine (no Slicer, no Qt) <- logic (MRML, QProcess, no widgets) <- widgets. The files that hold widgets are
those named ``*Widget``, ``*Panel``, ``*Selector``, ``*Selectors``, ``*Choice``, ``*Line``, ``*Status`` and ``*Dialog``;
logic never imports them. From the engine only parts that need the standard library alone are imported (job requests,
settings, cards, catalogue). This file imports nothing: a module imports exactly what it uses, when it uses it.
"""
