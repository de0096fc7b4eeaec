"""Dependencies point inwards (docs/ARCHITECTURE.md, Layers): fails on one that does not."""

import json
import subprocess
import sys

# Which of our own crates, and which outside crates that stand for a layer, each may name.
OURS = {
    "ledger-core": set(),
    "schemas": {"ledger-core"},
    "commands": {"ledger-core", "schemas"},
    "projections": {"ledger-core", "schemas"},
    "revledger": {"ledger-core", "schemas", "commands", "projections"},
    "benches": {"ledger-core", "schemas", "commands", "projections"},
}
ONLY_IN = {
    "esrs": {"commands"},
    "chrono": {"commands"},
    "sled": {"projections"},
    "axum": {"commands", "revledger"},
    "ureq": {"revledger"},
    "async-nats": {"ledger-core", "commands", "revledger", "benches"},
}

metadata = json.loads(
    subprocess.run(
        ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
)
problems = []
for package in metadata["packages"]:
    name = package["name"]
    for dependency in package["dependencies"]:
        if dependency["kind"] == "dev":
            continue
        other = dependency["name"]
        if other in OURS and other not in OURS[name]:
            problems.append(f"{name} must not depend on {other}")
        if name not in ONLY_IN.get(other, {name}):
            problems.append(f"{name} must not depend on {other}: only {sorted(ONLY_IN[other])} may")
if set(OURS) != {package["name"] for package in metadata["packages"]}:
    problems.append("the list of crates in .ci/check_layers.py is not the workspace's")
print("\n".join(problems) or f"{len(OURS)} crates, every dependency points inwards")
sys.exit(bool(problems))
