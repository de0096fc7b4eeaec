"""Checks the documentation against the tree: links, paths and the words that do not belong."""

import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
files = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=root,
    check=True,
    capture_output=True,
    text=True,
).stdout.split("\n")
problems = []

for name in files:
    path = root / name
    if not name.endswith(".md") or not path.exists():
        continue
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not (path.parent / target).exists():
            problems.append(f"{name}: the link to {target} leads nowhere")

architecture = (root / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
for target in re.findall(r"`((?:ledger-core|schemas|commands|projections|src|tests|docker|benches|docs)/[\w./-]+)`", architecture):
    if not (root / target).exists():
        problems.append(f"docs/ARCHITECTURE.md names {target}, which does not exist")

print("\n".join(problems) or f"links and paths hold in {len(files)} files")
sys.exit(bool(problems))
