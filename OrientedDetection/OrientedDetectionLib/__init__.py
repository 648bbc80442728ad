"""Host side of the module OrientedDetection; what all modules share is in ``SlicerMambaMedLib``.

Layers as there: engine (no Slicer, no Qt) <- logic (MRML, no widgets) <- widgets. The files that hold widgets are those
named ``*Widget``, ``*Panel``, ``*View`` and ``*Choice``; logic never imports them. This file imports nothing.
"""
