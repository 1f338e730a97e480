"""The build of the compiled twin: Cython compiles hot modules of the wheel from the sources that lie beside them.

A `.pxd` beside a module gives the C types of its attributes and variables; the module itself is plain Python.

It is a hook of hatchling for wheels, and a program that compiles a copy of the package in a folder of its own:
`python hatch_build.py FOLDER MODULE.py ...`. Where there is no compiler, the wheel is one of pure Python, and says so.
`AMQPD_PURE=1` asks for that. Editable installs are pure: what was edited is what runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILER = ["cython>=3.3,<3.4", "setuptools>=80"]
"""Python to C, and C to extension modules. A newer Cython is tried by hand: what it makes has to pass all tests."""
DIRECTIVES = {
    "annotation_typing": False,  # types come from the .pxd alone: an annotation of float would refuse an int
    "auto_pickle": False,
    "language_level": 3,
}
TOLD = 160
"""Characters of a compiler's last line that the notice repeats."""


def wants_pure() -> bool:
    """Whether the environment asks for pure Python."""
    return os.environ.get("AMQPD_PURE", "") not in ("", "0")


class CompiledTwin(BuildHookInterface[Any]):
    """Adds extension modules to a wheel."""

    def dependencies(self) -> list[str]:
        """What compiling takes."""
        return [] if wants_pure() else COMPILER

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the install is editable or is to be pure."""
        if version == "editable" or wants_pure():
            return
        folder = Path(tempfile.mkdtemp(prefix="amqpd-"))
        build_data["compiled_in"] = folder
        sources = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
        shutil.copytree(Path(self.root, "amqpd"), folder / "amqpd", ignore=sources)
        modules: list[str] = self.config["modules"]
        reason = compiled(folder, modules)
        record = folder / "amqpd" / "compiled.json"
        if reason:
            self.app.display_warning(f"amqpd is installed as pure Python, which is slower: {reason}")
            record.write_text(json.dumps({"reason": reason}), encoding="utf-8")
        else:
            record.write_text(json.dumps(record_of(folder, modules), indent=1), encoding="utf-8")
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            for file in [*folder.rglob("*.so"), *folder.rglob("*.pyd")]:
                build_data["force_include"][str(file)] = str(file.relative_to(folder))
        build_data["force_include"][str(record)] = "amqpd/compiled.json"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made on the way."""
        if folder := build_data.get("compiled_in"):
            shutil.rmtree(folder, ignore_errors=True)


def compiled(folder: Path, modules: list[str]) -> str:
    """Compile the package in a folder; return why that failed, or an empty text."""
    command = [sys.executable, __file__, str(folder), *modules]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not done.returncode:
        return ""
    said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
    return textwrap.shorten(said[-1], TOLD, placeholder=" ...")


def record_of(folder: Path, modules: list[str]) -> dict[str, Any]:
    """What amqpd compares at its start."""
    digests = {
        module.removesuffix(".py").replace("/", "."): hashlib.sha256((folder / module).read_bytes()).hexdigest()
        for module in modules
    }
    return {"compiler": f"Cython {version('cython')}", "modules": digests}


def main(folder: str, *modules: str) -> None:
    """Compile modules in place; raises SystemExit or an error of the compiler."""
    from Cython.Build import cythonize  # here: the hook itself has to do without where the twin is not wanted
    from setuptools import Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.dist import Distribution

    os.chdir(folder)
    at_once = os.cpu_count() or 1
    flags = [] if sys.platform == "win32" else ["-O2", "-g0"]
    names = {module: module.removesuffix(".py").replace("/", ".") for module in modules}
    named = [Extension(name, [module], extra_compile_args=flags) for module, name in names.items()]
    extensions = cythonize(named, nthreads=at_once, compiler_directives=DIRECTIVES, quiet=True)
    build = build_ext(Distribution({"name": "amqpd", "ext_modules": extensions}))
    build.inplace = True
    build.parallel = at_once
    build.ensure_finalized()
    build.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
