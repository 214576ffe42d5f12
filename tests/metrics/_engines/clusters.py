"""Clusters on this machine: processes of their own, which talk to each other as those of several machines do."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def spark_cluster(folder: Path, n_workers: int = 2) -> Iterator[str]:
    """Start a standalone master of Spark and its workers, and give the master's address."""
    import pyspark

    home = Path(pyspark.__file__).parent
    port = _free_port()
    master = f"spark://127.0.0.1:{port}"
    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": quick,
    }
    with (folder / "cluster.log").open("w") as log, contextlib.ExitStack() as running:

        def start(name: str, *arguments: str) -> None:
            command = [
                str(home / "bin/spark-class"),
                f"org.apache.spark.deploy.{name}",
                "--host",
                "127.0.0.1",
                "--webui-port",
                "0",
                *arguments,
            ]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            running.callback(process.wait)
            running.callback(process.terminate)

        start("master.Master", "--port", str(port))
        _wait_for(port)
        for _ in range(n_workers):
            start("worker.Worker", "--cores", "1", "--memory", "600m", "--work-dir", str(folder), master)
        yield master


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"Nothing listens at port {port} after {seconds} s.")
