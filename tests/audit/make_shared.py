"""What the makers of files for audits share: the folders that they go to, and a call in a pickle."""
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parent


class Folder:
    def __init__(self, name):
        self.name = name
        for kind in ("clean", "hostile"):
            shutil.rmtree(ROOT / kind / name, ignore_errors=True)
            (ROOT / kind / name).mkdir(parents=True)
        self.table = []

    def clean(self, name, data):
        (ROOT / "clean" / self.name / name).write_bytes(data)

    def hostile(self, name, data, kind, detail=""):
        (ROOT / "hostile" / self.name / name).write_bytes(data)
        self.table.append(f"{name}\t{kind}\t{detail}\n")

    def close(self):
        (ROOT / "hostile" / f"{self.name}.tsv").write_text("".join(self.table))


class Call:
    def __init__(self, function, *arguments):
        self.what = (function, arguments)

    def __reduce__(self):
        return self.what
