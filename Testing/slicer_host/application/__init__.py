"""Stand-ins for the application's own objects: ``slicer.app``, its managers, module objects, views."""
