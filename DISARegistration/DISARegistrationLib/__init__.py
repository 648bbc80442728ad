"""Host side of the module DISARegistration; what it shares with the other modules is in ``SlicerMambaMedLib``.

Layers and names are those of ``SlicerMambaMedLib``: files that hold widgets end in ``Widget``, ``Panel``, ``Choice`` or
``View``; logic never imports them. This file imports nothing.
"""
