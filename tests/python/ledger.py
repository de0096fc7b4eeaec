"""What the Python tests share: a nats-server, the program, and waiting for other processes."""

import asyncio
import json
import os
import pathlib
import subprocess

PROGRAM = os.environ["REVLEDGER_PROGRAM"]
SERVER = os.environ["REVLEDGER_NATS_SERVER"]
WAIT_SECONDS = 60


async def until(condition, what):
    """Polls another process until it is ready; the bound turns a hang into a failure."""
    for _ in range(WAIT_SECONDS * 20):
        found = condition()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what} within {WAIT_SECONDS} s")


def read_json(path):
    """The file's JSON, or None while it is still being written."""
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None


class NatsServer:
    """A server on free loopback ports that syncs every write, as a ledger demands."""

    async def start(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "server.conf"
        configuration.write_text(
            f'listen: "127.0.0.1:-1"\nhttp: "127.0.0.1:-1"\nports_file_dir: "{folder}"\n'
            f'jetstream {{ store_dir: "{folder}/store", sync_interval: always }}\n'
        )
        self.process = subprocess.Popen([SERVER, "-c", configuration], stderr=subprocess.DEVNULL)
        file = await until(lambda: next(folder.glob("*.ports"), None), "nats-server starts")
        ports = await until(lambda: read_json(file), "nats-server names its ports")
        self.url = ports["nats"][0]
        self.monitor = ports["monitoring"][0]
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=WAIT_SECONDS)


def run(*arguments, given=None, ok=(0,)):
    """Runs the program; its standard output."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], input=given, capture_output=True, text=True
    )
    assert done.returncode in ok, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def report(*arguments):
    """A report as JSON."""
    return json.loads(run("report", *arguments, "--format", "json"))
