"""The checkpoints that lie in the repository, and registries that a test has for itself."""

import ctypes
import json
import pathlib
import shutil
import struct
import tempfile

import garage

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def reference(name):
    return REPOSITORY / "tests" / "data" / "reference" / name


def data(*names):
    return REPOSITORY.joinpath("tests", "data", *names)


def new_folder(test):
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)


def new_registry(test, *models):
    """With a catalog of its own and no config; each of models is a reference checkpoint that it has."""
    folder = new_folder(test)
    config = folder / "garage.yaml"
    config.write_text("batch: {jobs: 1}\n")
    registry = garage.Registry(catalog=folder / "catalog", config=config)
    for model in models:
        registry.register(model, reference(model))
    return registry


def stored_bytes(file, name):
    """A tensor's bytes, dtype and shape as a safetensors file, or the one of a checkpoint, has them; without garage."""
    content = (file / "model.safetensors" if file.is_dir() else file).read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    entry = json.loads(content[8 : 8 + size])[name]
    begin, end = entry["data_offsets"]
    return content[8 + size + begin : 8 + size + end], entry["dtype"], entry["shape"]


def write_changed(folder, checkpoint, changed):
    """The checkpoint with some tensors stored in another way: {name: (dtype, bytes)}."""
    shutil.copytree(checkpoint, folder)
    file = folder / "model.safetensors"
    content = file.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + size]), b""
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        stored = content[8 + size + begin : 8 + size + end]
        if name in changed:
            entry["dtype"], stored = changed[name]
        entry["data_offsets"] = [len(data), len(data) + len(stored)]
        data += stored
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


def stored_floats(file, name):
    stored, dtype, _ = stored_bytes(file, name)
    if dtype != "F32":
        raise ValueError(f"{name} is {dtype}")
    return struct.unpack(f"<{len(stored) // 4}f", stored)


def floats_in(tensor):
    """The numbers of a float32 tensor that lies row-major."""
    return struct.unpack(f"<{tensor.nbytes // 4}f", ctypes.string_at(tensor.data_ptr, tensor.nbytes))


def resident_bytes():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status does not tell VmRSS")
