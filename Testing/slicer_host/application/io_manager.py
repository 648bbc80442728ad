"""``slicer.app.coreIOManager()``: reads and writes nodes and scenes through MRML's own storage nodes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..generated.factory import behaviour
from ..generated.widget import Behaviour

__all__ = ["IOManager"]

# file ending -> type of file, as the real manager names them
_TYPES = {
    ".mrml": "SceneFile",
    ".mrb": "SceneFile",
    ".seg.nrrd": "SegmentationFile",
    ".seg.nii.gz": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".mhd": "VolumeFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
    ".json": "MarkupsFile",
    ".mrk.json": "MarkupsFile",
    ".fcsv": "MarkupsFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".stl": "ModelFile",
    ".ctbl": "ColorTableFile",
}
_NODES = {
    "VolumeFile": "vtkMRMLScalarVolumeNode",
    "SegmentationFile": "vtkMRMLSegmentationNode",
    "TableFile": "vtkMRMLTableNode",
    "TextFile": "vtkMRMLTextNode",
    "TransformFile": "vtkMRMLTransformNode",
    "ModelFile": "vtkMRMLModelNode",
    "ColorTableFile": "vtkMRMLColorTableNode",
}


def _name_without_endings(path: str) -> str:
    name = Path(path).name
    for ending in sorted(_TYPES, key=len, reverse=True):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return Path(path).stem


@behaviour("qSlicerIOManager")
class IOManager(Behaviour):
    """Loads and saves."""

    _h_defaults = {"defaultSceneFileType": "MRML Scene (.mrml)"}

    def _h_do_fileType(self, filename: str) -> str:
        name = str(filename).lower()
        return next(
            (_TYPES[ending] for ending in sorted(_TYPES, key=len, reverse=True) if name.endswith(ending)), "NoFile"
        )

    def _h_do_fileWriterFileType(self, node: Any, _format: str = "") -> str:
        return next((kind for kind, class_name in _NODES.items() if node.IsA(class_name)), "NodeFile")

    def _h_do_loadNodes(self, file_type: str, properties: dict, collection: Any = None, messages: Any = None) -> bool:
        import slicer

        path = str(properties["fileName"])
        if not os.path.exists(path):
            return self._h_fail(messages, f"File not found: {path}")
        if file_type == "SceneFile":
            return self._h_load_scene(path, bool(properties.get("clear", False)), messages)
        try:
            node = self._h_load_node(file_type, path, properties)
        except RuntimeError as error:
            return self._h_fail(messages, str(error))
        if properties.get("name"):
            node.SetName(properties["name"])
        if collection is not None:
            collection.AddItem(node)
        if file_type == "VolumeFile" and properties.get("show", True):
            selection = slicer.app.applicationLogic().GetSelectionNode()
            selection.SetActiveVolumeID(node.GetID())
            slicer.app.applicationLogic().PropagateVolumeSelection()
        self._h_emit("newFileLoaded(qSlicerIO::IOProperties)", {**properties, "nodeIDs": [node.GetID()]})
        return True

    @staticmethod
    def _h_fail(messages: Any, text: str) -> bool:
        import vtk

        if messages is not None:
            messages.AddMessage(vtk.vtkCommand.ErrorEvent, text)
        return False

    @staticmethod
    def _h_load_node(file_type: str, path: str, properties: dict) -> Any:
        import slicer

        scene = slicer.mrmlScene
        name = scene.GenerateUniqueName(_name_without_endings(path))
        if file_type == "VolumeFile":
            options = 0
            logic = slicer.modules.volumes.logic()
            if properties.get("labelmap"):
                options |= logic.LabelMap
            if properties.get("singleFile"):
                options |= logic.SingleFile
            node = logic.AddArchetypeVolume(path, name, options)
            if node is None:
                raise RuntimeError(f"Cannot read volume file {path}")
            return node
        if file_type == "SegmentationFile" and not path.endswith((".nrrd", ".vtm")):
            labelmap = slicer.modules.volumes.logic().AddArchetypeVolume(
                path, name, slicer.modules.volumes.logic().LabelMap
            )
            node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
            slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labelmap, node)
            scene.RemoveNode(labelmap)
            return node
        if file_type == "MarkupsFile":
            node_id = slicer.modules.markups.logic().LoadMarkups(path, name)
            if not node_id:
                raise RuntimeError(f"Cannot read markups file {path}")
            return scene.GetNodeByID(node_id.split(",")[0])
        if file_type not in _NODES:
            raise RuntimeError(f"No reader for {path} (type {file_type})")
        node = scene.AddNewNodeByClass(_NODES[file_type], name)
        storage = IOManager._h_new_storage(node)
        storage.SetFileName(path)
        scene.AddNode(storage)
        if not storage.ReadData(node):
            scene.RemoveNode(node)
            scene.RemoveNode(storage)
            raise RuntimeError(f"Cannot read {path}")
        node.SetAndObserveStorageNodeID(storage.GetID())
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return node

    @staticmethod
    def _h_new_storage(node: Any) -> Any:
        import slicer

        if node.IsA("vtkMRMLTextNode"):  # a short text has no storage node of its own accord
            return slicer.vtkMRMLTextStorageNode()
        storage = node.CreateDefaultStorageNode()
        if storage is not None:
            storage.UnRegister(None)
        return storage

    def _h_do_saveNodes(self, file_type: str, properties: dict, messages: Any = None, _scene: Any = None) -> bool:
        import slicer

        path = str(properties["fileName"])
        if file_type == "SceneFile":
            return self._h_save_scene(path, messages)
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        storage = node.GetStorageNode()
        if storage is None or not storage.SupportedFileType(path):
            storage = self._h_new_storage(node)
            if storage is None:
                return self._h_fail(messages, f"{node.GetName()} can not be stored")
            slicer.mrmlScene.AddNode(storage)
            node.SetAndObserveStorageNodeID(storage.GetID())
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(int(properties["useCompression"]))
        if not storage.WriteData(node):
            return self._h_fail(messages, f"Cannot write {path}")
        self._h_emit("fileSaved(qSlicerIO::IOProperties)", dict(properties))
        return True

    def _h_do_exportNodes(self, *arguments: Any) -> bool:
        properties = arguments[0][0]
        return self._h_do_saveNodes("", properties, arguments[-1])

    def _h_do_addDefaultStorageNodes(self) -> None:
        import slicer

        for index in range(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLStorableNode")):
            slicer.mrmlScene.GetNthNodeByClass(index, "vtkMRMLStorableNode").AddDefaultStorageNode()

    def _h_do_loadScene(self, path: str, clear: bool = True, messages: Any = None) -> bool:
        return self._h_load_scene(path, clear, messages)

    def _h_do_saveScene(self, path: str, _screenshot: Any = None, messages: Any = None) -> bool:
        return self._h_save_scene(path, messages)

    def _h_load_scene(self, path: str, clear: bool, messages: Any) -> bool:
        import slicer

        scene = slicer.mrmlScene
        scene.SetURL(path)
        if path.endswith(".mrb"):
            done = scene.ReadFromMRB(path, clear)
        else:
            done = scene.Connect() if clear else scene.Import()
        return bool(done) or self._h_fail(messages, f"Cannot load scene {path}")

    def _h_save_scene(self, path: str, messages: Any) -> bool:
        import slicer

        scene = slicer.mrmlScene
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path, None)) or self._h_fail(messages, f"Cannot save scene {path}")
        scene.SetURL(path)
        scene.SetRootDirectory(str(Path(path).parent))
        return bool(scene.Commit(path)) or self._h_fail(messages, f"Cannot save scene {path}")

    def _h_do_stripKnownExtension(self, name: str, _node: Any = None) -> str:
        return _name_without_endings(name)

    def _h_do_forceFileNameValidCharacters(self, name: str) -> str:
        return "".join(character if character.isalnum() or character in "-_. " else "_" for character in name)
