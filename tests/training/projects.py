"""Projects and datasets as a run finds them, and ``python -m dq0.makedp`` as a run starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from quinta.core.datasets.declared import declared_json
from quinta.privacy.metadata.reader import YamlMetadataReader

ROOT = Path(__file__).resolve().parents[2]
TRAINING = ROOT / "src" / "quinta" / "training"
CENSUS = ROOT / "examples" / "census"
TEMPLATE = ROOT / "src" / "quinta" / "gateway" / "template"


class Ended(NamedTuple):
    """How a run ended. ``folder``: what it left."""

    code: int
    output: str
    errors: str
    folder: Path

    def left(self, name: str) -> Any:
        """The JSON value of a file that it left."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


class Place:
    """A folder with a run's data, in which projects can be run."""

    def __init__(self, folder: Path, data: Path = CENSUS / "census.csv", meta: Path = CENSUS / "census.yaml") -> None:
        self.folder = folder
        self.runs = 0
        declared = folder / "declared.json"
        metadata = YamlMetadataReader().read(meta.read_text(encoding="utf-8"))
        declared.write_text(declared_json(metadata), encoding="utf-8")
        entry = {"name": "census", "uuid": "1", "path": str(data), "metadata": str(meta), "declared": str(declared)}
        self.data = [entry]

    def run(self, project: Path, *words: str, **variables: str) -> Ended:
        """``python -m dq0.makedp WORDS`` in the project's folder. numpy is found where this process finds it."""
        self.runs += 1
        output = self.folder / f"output-{self.runs}"
        output.mkdir()
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join([str(TRAINING), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DQ0_DATA": json.dumps(self.data),
            "DQ0_OUTPUT_DIR": str(output),
            **variables,
        }
        run = subprocess.run(
            [sys.executable, "-m", "dq0.makedp", *words],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(run.returncode, run.stdout, run.stderr, output)


def project_with(folder: Path, setup_data: str, setup_model: str = "self.model = NaiveBayes()") -> Path:
    """A project whose UserModel has these bodies, a statement a line."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["from dq0.makedp import LinearRegression, LogisticRegression, NaiveBayes, Network", "", "class UserModel:"]
    for name, body in (("setup_data", setup_data), ("setup_model", setup_model)):
        lines += [f"    def {name}(self):", *(f"        {line}" for line in body.splitlines())]
    (folder / "my_model.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
